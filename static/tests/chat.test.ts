// @vitest-environment jsdom
import "./browser";
import { beforeEach, describe, expect, it } from "vitest";
import { answered, controls, cut, earlier, hasQuestion, hear, link, pending, said, unqueue } from "../src/store/chat";

/** Stores tell their readers once per animation frame. */
const frame = (): Promise<void> => new Promise((done) => requestAnimationFrame(() => done()));
const texts = async (): Promise<string[]> => {
  await frame();
  return said.value.map((m) => `${m.role}: ${m.text}${m.done ? "" : "…"}`);
};

beforeEach(() => hear({ type: "snapshot", seq: 0, history: [], controls: [], run: null, pending: [] }));

describe("the conversation", () => {
  it("grows with deltas and is frozen when done", async () => {
    hear({ type: "message", role: "user", text: "hi", run_id: "r1" });
    hear({ type: "delta", content: "Hel", run_id: "r1" });
    hear({ type: "delta", content: "lo", run_id: "r1" });
    expect(await texts()).toEqual(["user: hi", "assistant: Hello…"]);
    hear({ type: "message", role: "assistant", text: "Hello!", run_id: "r1" });
    hear({ type: "done", run_id: "r1" });
    expect(await texts()).toEqual(["user: hi", "assistant: Hello!"]);
  });

  it("keeps two runs apart", async () => {
    hear({ type: "delta", content: "a", run_id: "r1" });
    hear({ type: "delta", content: "b", run_id: "r2" });
    hear({ type: "delta", content: "a", run_id: "r1" });
    expect(await texts()).toEqual(["assistant: aa…", "assistant: b…"]);
  });

  it("puts an answer under its own question", async () => {
    for (const run_id of ["r1", "r2"]) hear({ type: "message", role: "user", text: run_id, run_id });
    hear({ type: "delta", content: "one", run_id: "r1" });
    hear({ type: "error", detail: "broken", run_id: "r2" });
    expect(await texts()).toEqual(["user: r1", "assistant: one…", "user: r2", "error: broken"]);
    expect([...answered.value]).toEqual(["r1", "r2"]);
  });

  it("shows what a page that came late has missed", async () => {
    hear({
      type: "snapshot", seq: 9, history: [{ role: "user", content: "old" }, { role: "assistant", content: "yes" }], controls: [{ type: "button" }],
      run: { run_id: "r3", status: "running", message: "new", said: "half an ans" }, pending: [{ run_id: "r4", text: "next", position: 1 }],
    });
    expect(await texts()).toEqual(["user: old", "assistant: yes", "user: new", "assistant: half an ans…"]);
    expect(pending.value.map((run) => run.text)).toEqual(["next"]);
    expect(controls.value).toHaveLength(1);
  });

  it("begins no answer for a run that has said nothing yet", async () => {
    hear({ type: "snapshot", seq: 9, history: [], controls: [], run: { run_id: "r3", status: "running", message: "new", said: "" }, pending: [] });
    expect(await texts()).toEqual(["user: new"]);
    hear({ type: "delta", content: "now", run_id: "r3" });
    expect(await texts()).toEqual(["user: new", "assistant: now…"]);
    hear({ type: "delta", content: "ahead of its question", run_id: "r4" });
    expect(["r3", "r4"].map(hasQuestion)).toEqual([true, false]);
  });

  it("moves the queue up when a run starts or is cancelled", async () => {
    for (const [run_id, position] of [["a", 1], ["b", 2], ["c", 3]] as const) hear({ type: "queued", run_id, position });
    unqueue("b");
    await frame();
    expect(pending.value.map((run) => [run.run_id, run.position])).toEqual([["a", 1], ["c", 2]]);
  });

  it("puts earlier turns in front, once, also when more was said meanwhile", async () => {
    const turn = (n: number) => ({ role: n % 2 ? "assistant" : "user", content: `turn ${n}` });
    const stored = Array.from({ length: 102 }, (_, n) => turn(n));
    hear({ type: "snapshot", seq: 1, history: stored.slice(60, 100), controls: [], run: null, pending: [] });
    expect(cut.value).toBe(true);
    hear({ type: "message", role: "user", text: "turn 100", run_id: "r1" });
    hear({ type: "message", role: "assistant", text: "turn 101", run_id: "r1" });
    earlier(stored);
    await frame();
    expect(said.value.map((m) => m.text)).toEqual(stored.map((one) => one.content));
    expect(cut.value).toBe(false);
  });

  it("is empty after a clear", async () => {
    hear({ type: "message", role: "user", text: "hi", run_id: "r1" });
    hear({ type: "cleared" });
    expect(await texts()).toEqual([]);
  });

  it("shows an error as what it is", async () => {
    hear({ type: "error", detail: "no model", run_id: "r1" });
    expect(await texts()).toEqual(["error: no model"]);
  });

  it("finds the runs of a stored conversation, newest first", async () => {
    const history = ["hello", "hello", "count"].flatMap((content) => [{ role: "user", content }, { role: "assistant", content: "ok" }]);
    hear({ type: "snapshot", seq: 1, history, controls: [], run: null, pending: [] });
    link([
      { run_id: "r4", kind: "replay", message: "count" }, { run_id: "r3", kind: "message", message: "count" },
      { run_id: "r2", kind: "message", message: "hello" }, { run_id: "r1", kind: "message", message: "hello" },
    ]);
    await frame();
    expect(said.value.map((m) => m.run_id)).toEqual(["r1", "r1", "r2", "r2", "r3", "r3"]);
  });
});
