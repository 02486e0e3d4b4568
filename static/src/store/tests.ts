/** The record of the running suite; while there is none, the results of the latest that finished. */
import { computed, signal } from "@preact/signals";
import { get } from "../wire/http";
import type { FinishedTests, TestRecord, TestResult } from "../wire/lines";

export const record = signal<TestRecord | null>(null);
const latest = signal<FinishedTests | null>(null);

export interface Step {
  readonly name: string;
  readonly checks: readonly TestResult[];
  readonly failed: number;
  /** The same check passed and failed: the step was repeated. */
  readonly flaky: boolean;
}

export interface Suite {
  /** Empty when the runner did not name it. */
  readonly name: string;
  readonly steps: readonly Step[];
  readonly checks: number;
  readonly failed: number;
}

export const bad = (result: TestResult): boolean => !["PASS", "SKIP"].includes(result.status.toUpperCase());

/** What the room shows: live, or from the store with the time it ended. */
export const shownTests = computed((): (TestRecord & { readonly finished?: number }) | null => {
  const now = record.value;
  if (now && (now.running || now.results.length)) return now;
  const before = latest.value;
  if (!before?.results) return null;
  const { results, total_expected, finished } = before;
  const last = (wanted: boolean): TestResult | null => results.findLast((result) => bad(result) === wanted) ?? null;
  return { running: false, current: "", results, total_expected, finished, last_red: last(true), last_green: last(false) };
});

/** A finished run is kept by the server, also beyond its restart. */
export async function load(): Promise<void> {
  latest.value = await get<FinishedTests>("/api/tests");
}

function grouped<T>(all: readonly T[], key: (one: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const name = key(one);
    const group = groups.get(name);
    if (group) group.push(one);
    else groups.set(name, [one]);
  }
  return [...groups];
}

const mixed = (checks: readonly TestResult[]): boolean =>
  grouped(checks, (result) => result.check).some(([, same]) => same.some(bad) && !same.every(bad));

export const suites = computed((): readonly Suite[] =>
  grouped(shownTests.value?.results ?? [], (result) => result.suite ?? "").map(([name, results]) => {
    const steps = grouped(results, (result) => result.step).map(([step, checks]): Step =>
      ({ name: step, checks, failed: checks.filter(bad).length, flaky: mixed(checks) }));
    return { name, steps, checks: results.length, failed: results.filter(bad).length };
  }),
);

export const tally = computed(() => {
  const results = shownTests.value?.results ?? [];
  const failed = results.filter(bad).length;
  return { done: results.length, failed, passed: results.length - failed, expected: shownTests.value?.total_expected || null };
});
