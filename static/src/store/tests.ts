/** The record of the running or last suite. */
import { computed, signal } from "@preact/signals";
import type { TestRecord, TestResult } from "../wire/lines";

export const record = signal<TestRecord | null>(null);

export interface Step {
  readonly name: string;
  readonly checks: readonly TestResult[];
  readonly failed: number;
}

export const bad = (result: TestResult): boolean => !["PASS", "SKIP"].includes(result.status.toUpperCase());

export const steps = computed((): readonly Step[] => {
  const groups = new Map<string, TestResult[]>();
  for (const result of record.value?.results ?? []) {
    const group = groups.get(result.step);
    if (group) group.push(result);
    else groups.set(result.step, [result]);
  }
  return [...groups].map(([name, checks]) => ({ name, checks, failed: checks.filter(bad).length }));
});

export const tally = computed(() => {
  const results = record.value?.results ?? [];
  const failed = results.filter(bad).length;
  return { done: results.length, failed, passed: results.length - failed, expected: record.value?.total_expected || null };
});
