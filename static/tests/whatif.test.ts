// @vitest-environment jsdom
import "./browser";
import { beforeEach, describe, expect, it } from "vitest";
import { blamedDraft, type Draft, made, resultOf } from "../src/lib/whatif";
import { filled, type Ground, isTyped } from "../src/rooms/ForkChange";
import { priceOf } from "../src/rooms/ForkDialog";
import { again, offerAgain } from "../src/store/forks";
import type { RunView } from "../src/store/visits";
import type { Summary, TraceLineOf } from "../src/wire/lines";
import type { Forked } from "../src/wire/types.gen";

const draft: Draft = { key: 1, target: "prompt", frame: 1, node: "", effect: "", path: "pa", before: "old", text: "new" };

describe("a change of a fork", () => {
  it("sends a prompt by name, and nothing when it is as it was", () => {
    expect(made(draft)).toEqual({ ok: true, changes: [{ target: "prompt", path: "pa", value: "new" }] });
    expect(made({ ...draft, text: "old" })).toEqual({ ok: true, changes: [] });
  });

  it("is typed when it is not what it was filled with", () => {
    const on: Ground = { run: { visits: [] } as unknown as RunView, frame: 1, prompts: { pa: "old", sql: "other" } };
    for (const target of ["prompt", "model", "params", "memory"] as const) {
      const fresh = filled({ ...draft, target, path: "sql" }, on);
      expect([isTyped(fresh, on), isTyped({ ...fresh, text: `${fresh.text}x` }, on)]).toEqual([false, true]);
    }
  });

  it("sends of a result only what differs", () => {
    const result: Draft = { ...draft, target: "tool_result", effect: "3.a.1.1", before: { rows: [[29]], n: 1 }, text: '{"rows": [[30]], "n": 1}' };
    expect(made(result)).toEqual({ ok: true, changes: [{ target: "tool_result", effect: "3.a.1.1", path: "/rows/0/0", value: 30 }] });
  });

  it("names the node a model or an envelope is for, and everywhere by leaving it out", () => {
    expect(made({ ...draft, target: "model", node: "pa", text: " small " })).toEqual({ ok: true, changes: [{ target: "model", node: "pa", value: "small" }] });
    expect(made({ ...draft, target: "params", path: "temperature", text: "0.5" })).toEqual({ ok: true, changes: [{ target: "params", path: "temperature", value: 0.5 }] });
    expect(made({ ...draft, target: "envelope", node: "pa", before: { text: "a" }, text: '{"text": "b"}' })).toEqual({ ok: true, changes: [{ target: "envelope", node: "pa", path: "/text", value: "b" }] });
    expect(made({ ...draft, target: "memory", path: "/topic", text: '"x"' })).toEqual({ ok: true, changes: [{ target: "memory", path: "/topic", value: "x" }] });
  });

  it("says where its JSON ends being JSON", () => {
    expect(made({ ...draft, target: "memory", text: "{" })).toEqual({ ok: false, text: "line 1, column 2: expected a key in double quotes" });
  });

  it("is found by the number the refusal counts", () => {
    const change = { target: "memory", path: "/a", value: 1 } as const;
    const sent = [[], [change, change], [change]];
    expect(["edits[0].value: no", "edits[1].path: no", "edits[2]: no", "edits[3]: no", "no such frame"].map((detail) => blamedDraft(detail, sent))).toEqual([1, 1, 2, -1, -1]);
  });

  it("is about what the node was told, also where a control tool answered more", () => {
    expect(resultOf({ result: { ok: 1 }, changes: [] })).toEqual({ ok: 1 });
    expect(resultOf({ result: 1 })).toEqual({ result: 1 });
  });
});

describe("the price of a fork", () => {
  const guess: Forked = { run_id: null, status: "", dirty: [{}, {}], reused: 12, model_calls: 1, cost: 0.0123, writes: [] };

  it("is told in one line, and unknown where it is", () => {
    expect(priceOf(guess)).toBe("2 of 14 visits dirty, about 1 model call, ≈ $0.01");
    expect(priceOf({ ...guess, cost: null })).toContain("price unknown");
  });
});

describe("running the last message again", () => {
  const saved = (changed: readonly string[], errors: readonly unknown[] = []): TraceLineOf<"workspace"> =>
    ({ event: "workspace", seq: 1, ts: 1, node: "workspace", run_id: "", channel: "", folder: "/own", changed, errors, notes: [], graphs: [] });
  const known = [{ run_id: "r-3", kind: "action" }, { run_id: "r-2", kind: "message" }, { run_id: "r-1", kind: "message" }] as unknown as readonly Summary[];

  beforeEach(() => { again.value = null; });

  it("is offered when a prompt or a node was saved", () => {
    offerAgain(saved(["prompts/pa.md", "testcases/a.md"]), known);
    expect(again.value).toEqual({ run_id: "r-2", files: ["prompts/pa.md"] });
  });

  it.each([[["testcases/a.md"], [], known], [["nodes/a.py"], [{}], known], [["nodes/a.py"], [], []]])("is not when %j was saved with errors %j", (changed, errors, runs) => {
    offerAgain(saved(changed as string[], errors), runs as readonly Summary[]);
    expect(again.value).toBeNull();
  });
});
