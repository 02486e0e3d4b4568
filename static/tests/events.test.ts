// @vitest-environment jsdom
import "./browser";
import { beforeEach, describe, expect, it } from "vitest";
import { compile } from "../src/lib/query";
import { beside, events, forget, newestSeq, note } from "../src/store/events";
import type { EventLine } from "../src/wire/lines";

const thought = (seq: number): EventLine => ({ event: "thinking", seq, ts: seq, node: "thinker", run_id: "r1", channel: "main", text: `thought ${seq}` });

beforeEach(forget);

describe("the event log", () => {
  it("takes each number once, whichever door it came through", () => {
    expect([1, 2, 2, 1, 3].map((seq) => note(thought(seq)))).toEqual([true, true, false, false, true]);
    expect([events.size, newestSeq()]).toEqual([3, 3]);
  });

  it("begins after a snapshot and goes on from a gap", () => {
    note({ event: "snapshot", node: "runtime", seq: 10 });
    expect(newestSeq()).toBe(10);
    note({ event: "gap", type: "gap", node: "runtime", seq: 50, from: 11, to: 50 });
    expect([newestSeq(), note(thought(50)), note(thought(51))]).toEqual([50, false, true]);
  });

  it("does not show what was forgotten before it began", () => {
    expect(note({ event: "gap", type: "gap", node: "runtime", seq: 50, from: 1, to: 50 })).toBe(false);
    expect([events.size, note(thought(51))]).toEqual([0, true]);
  });

  it("accepts lower numbers after a gap that went back", () => {
    note(thought(900));
    note({ event: "gap", type: "gap", node: "runtime", seq: 20, from: 21, to: 900 });
    expect(note(thought(21))).toBe(true);
  });
});

describe("the filter", () => {
  it.each([
    ["", true], ["thought", true], ["node:think", true], ["node:ui", false], ["event:thinking 7", true], ["-event:thinking", false], ["run:r1 -nothing", true], ["THOUGHT", true],
  ])("%s", (filter, expected) => {
    expect(compile(filter)(thought(7))).toBe(expected);
  });
});

describe("from match to match", () => {
  it("goes to the nearest on either side and stays at the ends", () => {
    for (const seq of [1, 2, 3, 4]) note(thought(seq));
    const even = (line: { seq: number }): boolean => line.seq % 2 === 0;
    expect([beside(0, 1, even), beside(2, 1, even), beside(4, 1, even)]).toEqual([2, 4, 0]);
    expect([beside(0, -1, even), beside(4, -1, even), beside(2, -1, even)]).toEqual([4, 2, 0]);
  });
});
