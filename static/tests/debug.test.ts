// @vitest-environment jsdom
import "./browser";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { drafted, wordsOf } from "../src/rooms/Breakpoints";
import { sectionsOf } from "../src/rooms/EditDialog";
import { barShown, breakpoints, debug, finish, held, isBaseline, load, placeOf, step, stepping, tell, title, toggle, toggleBaseline } from "../src/store/debug";
import { news, notice } from "../src/store/notice";
import type { EventLine } from "../src/wire/lines";
import type { Breakpoint, Debug } from "../src/wire/types.gen";

const free: Debug = {
  held: false, run_id: null, status: null, channel: "main", armed: false, frame: null, node: null, at: null, effect_id: null, reason: "",
  pending: {}, memory: null, ui_state: null, model_request: null, tool: null, tool_result: null,
};
const holding: Debug = { ...free, held: true, run_id: "r-1", status: "paused", frame: 2, node: "pa", at: "before", reason: "pause", effect_id: "" };
const point: Breakpoint = { id: "b1", at: "before", frame: null, node: "pa", when: null, on: null, tool: null, baseline: null, enabled: true };

/** Answers requests in turn, and keeps what was asked. */
function answer(...bodies: unknown[]): { readonly asked: [string, string, unknown][] } {
  const asked: [string, string, unknown][] = [];
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    asked.push([init.method ?? "", path, init.body ? JSON.parse(String(init.body)) : null]);
    const body = bodies.shift();
    return Promise.resolve(new Response(JSON.stringify(body), { status: body === undefined ? 409 : 200 }));
  });
  return { asked };
}

const turned = (status: string, channel = "main"): EventLine =>
  ({ event: "run", seq: 1, ts: 1, node: "runtime", run_id: "r-1", channel, kind: "message", message: "hi", status });

const changed = (all: readonly Breakpoint[], armed = false, channel = "main"): EventLine =>
  ({ event: "debug", seq: 2, ts: 2, node: "runtime", run_id: "", channel, breakpoints: all as never, armed });

beforeEach(() => {
  debug.value = null;
  breakpoints.value = [];
  stepping.value = false;
});
afterEach(() => void vi.unstubAllGlobals());

describe("the debugger", () => {
  it("asks what is held when a run of the page's channel turns, and only then", async () => {
    const { asked } = answer(holding);
    tell(turned("queued"));
    tell(turned("paused", "elsewhere"));
    expect(asked).toEqual([]);
    tell(turned("paused"));
    await vi.waitFor(() => expect(held.value).toEqual(holding));
    expect([barShown.value, title.value]).toEqual([true, "‖ held before frame 2 · pa — Framescope"]);
  });

  it("asks again while a run is told as paused but its place is not known yet", async () => {
    const { asked } = answer({ ...free, status: "paused" }, holding);
    tell(turned("paused"));
    await vi.waitFor(() => expect(held.value).toEqual(holding));
    expect(asked.filter(([, path]) => path === "/api/debug")).toHaveLength(2);
  });

  it("keeps the newest answer when an older one comes late", async () => {
    const waiting: ((body: Debug) => void)[] = [];
    vi.stubGlobal("fetch", () => new Promise((resolve) => waiting.push((body) => resolve(new Response(JSON.stringify(body))))));
    tell(turned("paused"));
    tell(turned("running"));
    waiting[1]?.({ ...free, status: "running" });
    await vi.waitFor(() => expect(debug.value?.status).toBe("running"));
    waiting[0]?.(holding);
    await new Promise((resolve) => setTimeout(resolve));
    expect(held.value).toBeNull();
  });

  it("keeps its place while a step is on its way, and takes its answer", async () => {
    debug.value = holding;
    const next = { ...holding, frame: 3 };
    const { asked } = answer(next);
    const done = step("frame");
    tell(turned("running"));
    expect([stepping.value, held.value]).toEqual([true, holding]);
    await done;
    expect([stepping.value, held.value]).toEqual([false, next]);
    expect(asked).toEqual([["POST", "/api/debug/step", { unit: "frame" }]]);
  });

  it("says why a step was refused", async () => {
    answer();
    await step("node");
    expect([stepping.value, notice.value]).toEqual([false, "/api/debug/step answered 409"]);
  });

  it("sets and takes away a node's breakpoint, leaving those with conditions", async () => {
    const other = { ...point, id: "b2", when: "frame > 2" };
    breakpoints.value = [other];
    const { asked } = answer([other, point], [other]);
    await toggle("pa", "before");
    await toggle("pa", "before");
    expect(asked.map(([, , body]) => body)).toEqual([[other, { at: "before", node: "pa" }], [other]]);
    expect(barShown.value).toBe(true);
  });

  it("shows at once what was changed elsewhere, of the page's channel", async () => {
    debug.value = free;
    const { asked } = answer({ ...free, armed: true });
    tell(changed([point], false, "elsewhere"));
    expect(breakpoints.value).toEqual([]);
    tell(changed([point]));
    expect([breakpoints.value, asked]).toEqual([[point], []]);
    tell(changed([point], true));
    await vi.waitFor(() => expect(debug.value?.armed).toBe(true));
    tell(changed([], true));
    expect([breakpoints.value, asked.length, barShown.value]).toEqual([[], 1, true]);
  });

  it("reads again what a held run goes on with: it may have been edited elsewhere", async () => {
    debug.value = holding;
    answer({ ...holding, memory: { topic: "heating" } });
    tell(changed([point]));
    await vi.waitFor(() => expect(held.value?.memory).toEqual({ topic: "heating" }));
  });

  it("asks for nothing when what was told before the page was read comes first", () => {
    const { asked } = answer();
    tell(changed([point], true));
    expect(asked).toEqual([]);
  });

  it("keeps what was told while an older answer was on its way", async () => {
    const waiting: ((body: unknown) => void)[] = [];
    vi.stubGlobal("fetch", () => new Promise((resolve) => waiting.push((body) => resolve(new Response(JSON.stringify(body))))));
    const loaded = load();
    tell(changed([point]));
    waiting[0]?.(free);
    waiting[1]?.([]);
    await loaded;
    expect(breakpoints.value).toEqual([point]);
  });

  it("holds runs where they depart from another, and does so no more", async () => {
    const departs = { ...point, node: null, on: "divergence", baseline: "r-000000000007-0abc" } as const;
    const { asked } = answer([departs], [{ ...departs, enabled: false }]);
    await toggleBaseline(departs.baseline);
    expect([isBaseline(departs.baseline), isBaseline("r-1"), news.value]).toEqual([true, false, "A run is held where it first departs from #7."]);
    breakpoints.value = [departs, { ...departs, id: "b2", enabled: false }, { ...departs, id: "b3", when: "frame > 2" }];
    await toggleBaseline(departs.baseline);
    expect([isBaseline(departs.baseline), news.value]).toEqual([false, "Runs may depart from #7 again."]);
    expect(asked.map(([, , body]) => (body as Breakpoint[]).map((one) => [one.id, one.baseline]))).toEqual([[[undefined, departs.baseline]], [["b2", departs.baseline], ["b3", departs.baseline]]]);
  });

  it("lets the held run go on to its end", async () => {
    debug.value = holding;
    const { asked } = answer({ ...free, status: "running" });
    await finish();
    expect([held.value, asked]).toEqual([null, [["POST", "/api/debug/finish", {}]]]);
  });

  it("says where a run is held", () => {
    expect(placeOf({ ...holding, effect_id: "2/pa/1/0/0" })).toBe("at an effect of frame 2 · pa");
    expect(placeOf({ ...holding, at: "after" })).toBe("after frame 2 · pa");
  });

  it("offers to edit what can be written there", () => {
    expect(sectionsOf(holding)).toEqual(["pending", "memory", "ui_state"]);
    expect(sectionsOf({ ...holding, effect_id: "x", model_request: {} })[0]).toBe("model_request");
    expect(sectionsOf({ ...holding, effect_id: "x", tool: {} })).toEqual(["tool_result", "tool", "memory", "ui_state"]);
  });
});

describe("a breakpoint", () => {
  it("is told in words", () => {
    expect(wordsOf(point)).toBe("before pa");
    expect(wordsOf({ ...point, node: null })).toBe("before every frame");
    expect(wordsOf({ ...point, node: null, on: "tool", tool: "query_db", when: "frame > 2" })).toBe("on tool query_db when frame > 2");
    expect(wordsOf({ ...point, node: null, on: "divergence", baseline: "r-000000000007-0abc" })).toBe("on divergence from #7");
  });

  it("says nothing about what was left open", () => {
    const open = { at: "after", on: "", node: "", frame: "", tool: "left over", baseline: "r-1", when: " " } as const;
    expect(drafted(open)).toEqual({ at: "after" });
    expect(drafted({ ...open, on: "model", node: "pa", frame: "3" })).toEqual({ on: "model", node: "pa", frame: 3 });
    expect(drafted({ ...open, on: "divergence" })).toEqual({ on: "divergence", baseline: "r-1" });
    expect(drafted({ ...open, on: "tool", tool: "query_db", when: "x" })).toEqual({ on: "tool", tool: "query_db", when: "x" });
  });
});
