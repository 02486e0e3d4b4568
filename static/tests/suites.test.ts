// @vitest-environment jsdom
import "./browser";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { load, record, shownTests, suites, tally } from "../src/store/tests";
import type { TestRecord, TestResult } from "../src/wire/lines";

const check = (step: string, text: string, status: string, suite?: string): TestResult => ({ step, check: text, status, ...(suite ? { suite } : {}) });
const live = (results: readonly TestResult[], running = true): TestRecord =>
  ({ running, current: "", results, last_green: null, last_red: null, total_expected: 4 });

const answer = (body: unknown) => vi.stubGlobal("fetch", async () => new Response(JSON.stringify(body)));

beforeEach(() => {
  record.value = null;
});
afterEach(() => vi.unstubAllGlobals());

describe("the tests room", () => {
  it("has nothing to show before any suite", async () => {
    answer({});
    await load();
    record.value = live([], false);
    expect(shownTests.value).toBeNull();
  });

  it("groups checks by suite and step, in the order they came", () => {
    record.value = live([check("1. Hi", "a", "PASS", "smoke"), check("1. Hi", "b", "FAIL", "smoke"), check("1. Hi", "a", "PASS", "fast"), check("2. Yo", "c", "SKIP", "smoke")]);
    expect(suites.value.map(({ name, checks, failed, steps }) => [name, checks, failed, steps.map((step) => `${step.name} ${step.failed}/${step.checks.length}`)])).toEqual([
      ["smoke", 3, 1, ["1. Hi 1/2", "2. Yo 0/1"]], ["fast", 1, 0, ["1. Hi 0/1"]],
    ]);
    expect(tally.value).toEqual({ done: 4, failed: 1, passed: 3, expected: 4 });
  });

  it("calls a step flaky when one check went both ways, not when two differ", () => {
    record.value = live([check("x", "a", "PASS"), check("x", "b", "FAIL"), check("y", "a", "PASS"), check("y", "a", "FAIL")]);
    expect(suites.value[0]?.steps.map((step) => [step.name, step.flaky])).toEqual([["x", false], ["y", true]]);
  });

  it("shows the latest finished run until another begins", async () => {
    answer({ suites: ["smoke"], finished: 1_700_000_000_000, results: [check("s", "a", "FAIL"), check("s", "b", "PASS")], total_expected: 2 });
    await load();
    record.value = live([], false);
    expect(shownTests.value).toMatchObject({ finished: 1_700_000_000_000, running: false, last_red: { check: "a" }, last_green: { check: "b" } });
    record.value = live([]);
    expect(shownTests.value?.finished).toBeUndefined();
    expect(tally.value.done).toBe(0);
  });
});
