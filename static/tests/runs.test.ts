// @vitest-environment jsdom
import "./browser";
import { describe, expect, it, vi } from "vitest";
import type { EventLine } from "../src/wire/lines";

vi.stubGlobal("fetch", () => Promise.resolve(new Response('{"detail":"unknown"}', { status: 404 })));
const { doing, known, newest, open, recall, tell, working } = await import("../src/store/runs");
const { lit, netOfRun, stateOf, traffic } = await import("../src/store/graph");
const { effect } = await import("@preact/signals");
const { viewOfTrace } = await import("../src/store/visits");

const frame = (): Promise<void> => new Promise((done) => requestAnimationFrame(() => done()));
let seq = 0;
const at = (line: object): EventLine => ({ seq: ++seq, ts: 1000 + seq * 10, node: "frame_engine", run_id: "r1", channel: "main", ...line }) as EventLine;

describe("a run that is told live", () => {
  it("opens, closes and lights its visits", async () => {
    tell(at({ event: "run", kind: "message", message: "hi", status: "running", graph: "v3-framed" }));
    tell(at({ event: "frame_open", frame: 1, nodes: ["input"] }));
    await frame();
    expect(newest.value).toBe("r1");
    expect([working.value?.status, doing.value]).toEqual(["running", "input"]);
    expect(stateOf(known("r1")?.visits ?? [])).toBe("running");
    tell(at({ event: "frame_close", frame: 1, node: "input", visit: 1, duration_ms: 4, output: "seen", route: "output", condition: "reflex=True" }));
    tell(at({ event: "frame_open", frame: 2, nodes: ["output", "ui"] }));
    tell(at({ event: "frame_close", frame: 2, node: "ui", visit: 1, duration_ms: 0.1, output: "", error: "boom" }));
    await frame();
    expect(doing.value).toBe("output");
    const visits = known("r1")?.visits ?? [];
    expect(visits.map((v) => [v.frame, v.node, v.duration, v.error])).toEqual([[1, "input", 4, ""], [2, "output", null, ""], [2, "ui", 0.1, "boom"]]);
    expect(stateOf(visits.filter((v) => v.node === "ui"))).toBe("error");
    expect([...traffic(visits)]).toEqual([["input>output", 1]]);
  });

  it("lights the graph with every frame, not only with the last", async () => {
    const seen: string[] = [];
    const end = effect(() => void seen.push(lit.value.map((v) => `${v.node} ${stateOf([v])}`).join()));
    tell(at({ event: "frame_close", frame: 2, node: "output", visit: 1, duration_ms: 1, output: "" }));
    await frame();
    tell(at({ event: "frame_open", frame: 3, nodes: ["memorizer"], post: true }));
    await frame();
    end();
    expect(seen).toEqual([
      "input done,output running,ui error", "input done,output done,ui error", "input done,output done,ui error,memorizer running",
    ]);
  });

  it("does not follow a replay", () => {
    tell({ ...at({ event: "run", kind: "replay", message: "hi", status: "running" }), run_id: "r2" });
    expect(newest.value).toBe("r1");
  });

  it("tells a repeated frame_open once, as after a reconnect", async () => {
    tell(at({ event: "frame_open", frame: 2, nodes: ["output", "ui"] }));
    await frame();
    expect(known("r1")?.visits).toHaveLength(4);
  });
});

describe("a full trace", () => {
  const trace = {
    run_id: "r9", kind: "message", channel: "main", message: "m", graph: "old", revision: "x", path: "reflex", total_frames: 2, total_ms: 5, started: 1, outcome: "done",
    frames: [
      { frame: 1, node: "input", visit: 1, started: 1, duration_ms: 2, input: { kind: "message", text: "m" }, route: "output", effects: ["1.input.1.0"] },
      { frame: 2, node: "output", visit: 1, started: 3, duration_ms: 2, input: { kind: "x" } },
    ],
    effects: [{ effect_id: "1.input.1.0", frame: 1, node: "input", visit: 1, kind: "model" as const, request_hash: "", started: 1, ended: 2, usage: { prompt_tokens: 2, completion_tokens: 3 } }],
  };

  it("joins effects to visits; an unknown price is unknown, not zero", () => {
    const view = viewOfTrace(trace);
    expect([view.tokens, view.cost, view.visits[0]?.effects?.length]).toEqual([5, null, 1]);
    expect(viewOfTrace(trace)).toBe(view);
  });

  it("draws a graph that is gone from what the run tells", () => {
    expect(netOfRun(viewOfTrace(trace)).links).toEqual([{ from: "input", to: "output", type: "data", condition: "" }]);
  });
});

describe("a run that was held over a restart", () => {
  it("is followed, and has the frames that were told before", async () => {
    const trace = {
      run_id: "r-20", kind: "message", channel: "main", message: "held", graph: "v3-framed", revision: "x", path: "", total_frames: 0, total_ms: 0, started: 7, outcome: "paused",
      frames: [{ frame: 1, node: "input", visit: 1, started: 7, duration_ms: 2, input: { kind: "message", text: "held" } }],
    };
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify(trace))));
    tell({ ...at({ event: "frame_open", frame: 2, nodes: ["pa"] }), run_id: "r-20" });
    tell({ ...at({ event: "run", kind: "message", message: "held", status: "paused" }), run_id: "r-20" });
    await recall("r-20");
    await recall("r-20");
    await frame();
    expect([newest.value, known("r-20")?.message]).toEqual(["r-20", "held"]);
    expect(known("r-20")?.visits.map((visit) => [visit.frame, visit.node])).toEqual([[1, "input"], [2, "pa"]]);
    expect(working.value).toEqual({ run_id: "r-20", status: "paused" });
  });
});

describe("a run that began long before the page came", () => {
  it("is at work, though only the end of its story was told", async () => {
    const trace = { run_id: "r-30", kind: "message", channel: "main", message: "long", graph: "v4-eras", revision: "x", path: "", total_frames: 0, total_ms: 0, started: 7, outcome: "running" };
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify(trace))));
    tell({ ...at({ event: "frame_close", frame: 1, node: "input", visit: 1, duration_ms: 4, output: "" }), run_id: "r-30" });
    await frame();
    expect(working.value?.run_id).not.toBe("r-30");
    await recall("r-30");
    await frame();
    expect([working.value, known("r-30")?.message]).toEqual([{ run_id: "r-30", status: "running" }, "long"]);
  });
});

describe("a run at work that is opened before it is told of", () => {
  it("shows what is stored and, from then on, what is told", async () => {
    const trace = {
      run_id: "r-10", kind: "fork", channel: "", message: "aside", graph: "v3-framed", revision: "x", path: "", total_frames: 0, total_ms: 0, started: 7, outcome: "running",
      frames: [{ frame: 1, node: "input", visit: 1, started: 7, duration_ms: 2, input: { kind: "message", text: "aside" } }],
    };
    const before = newest.value;
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify(trace))));
    await open("r-10");
    tell({ ...at({ event: "frame_open", frame: 2, nodes: ["pa"] }), channel: "", run_id: "r-10" });
    await frame();
    expect(known("r-10")?.visits.map((visit) => [visit.frame, visit.node])).toEqual([[1, "input"], [2, "pa"]]);
    expect([known("r-10")?.status, newest.value]).toEqual(["running", before]);
  });
});
