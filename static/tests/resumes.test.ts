// @vitest-environment jsdom
import "./browser";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { callsIn, followerIn, refusal, resume, resuming } from "../src/store/resumes";
import { resumable, type RunView } from "../src/store/visits";
import type { Effect } from "../src/wire/types.gen";

const CUT = "r-000000000003-0abc";
const NEXT = "r-000000000004-0def";

/** Answers requests in turn, each with a status, and keeps what was asked. */
function answer(...answers: readonly (readonly [number, unknown])[]): [string, unknown][] {
  const asked: [string, unknown][] = [];
  const rest = [...answers];
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    asked.push([path, JSON.parse(String(init.body))]);
    const [status, body] = rest.shift() ?? [500, null];
    return Promise.resolve(new Response(JSON.stringify(body), { status }));
  });
  return asked;
}

beforeEach(() => { refusal.value = null; });
afterEach(() => void vi.unstubAllGlobals());

describe("a run that was cut", () => {
  it("goes on as another one", async () => {
    const asked = answer([200, { run_id: NEXT, resumed_from: CUT }]);
    const gone = resume(CUT);
    expect(resuming.value).toBe(CUT);
    expect(await resume(CUT)).toBe("");
    expect([await gone, refusal.value, resuming.value]).toEqual([NEXT, null, ""]);
    expect(asked).toEqual([[`/api/runs/${CUT}/resume`, {}]]);
  });

  it("asks what became of a write, and sends what was said", async () => {
    const asked = answer([409, { error: "unknown_outcome", detail: "unknown outcome: book" }], [200, { run_id: NEXT }]);
    expect(await resume(CUT)).toBe("");
    expect(refusal.value).toEqual({ run_id: CUT, slug: "unknown_outcome", text: "unknown outcome: book" });
    expect(await resume(CUT, { unknown: "done", result: { id: 7 } })).toBe(NEXT);
    expect([refusal.value, asked[1]]).toEqual([null, [`/api/runs/${CUT}/resume`, { unknown: "done", result: { id: 7 } }]]);
  });

  it("goes back there first when the conversation went on", async () => {
    const asked = answer([200, { status: "ok" }], [200, { run_id: NEXT }]);
    expect(await resume(CUT, { unknown: "fail" }, true)).toBe(NEXT);
    expect(asked).toEqual([["/api/head", { run_id: CUT }], [`/api/runs/${CUT}/resume`, { unknown: "fail" }]]);
  });

  it("is not gone on with when it cannot be gone back to", async () => {
    const asked = answer([409, { error: "busy", detail: "Pipeline already running" }]);
    expect([await resume(CUT, undefined, true), refusal.value?.slug, asked.length]).toEqual(["", "busy", 1]);
  });

  it("says so when there is no answer at all", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("gone")));
    expect([await resume(CUT), refusal.value?.slug, resuming.value]).toEqual(["", "", ""]);
    expect(refusal.value?.text).toContain("no answer from the server");
  });

  it("is led on to the run that it went on as", () => {
    expect(followerIn({ run_id: CUT, slug: "conflict", text: `run ${CUT} went on as ${NEXT}; go on with that one` })).toBe(NEXT);
    expect(followerIn({ run_id: CUT, slug: "conflict", text: `run ${CUT} cannot go on: prompts have changed` })).toBe("");
  });

  it("is one of a conversation", () => {
    const run = { status: "interrupted", kind: "message" } as RunView;
    expect(resumable(run)).toBe(true);
    expect(["fork", "replay", "import", "test"].filter((kind) => resumable({ ...run, kind }))).toEqual([]);
    expect(resumable({ ...run, status: "done" })).toBe(false);
  });

  it("is asked about by its calls", () => {
    const effects = ["1.ask.1.0", "1.ask.1.1", "11.ask.1.1"].map((effect_id) => ({ effect_id }) as Effect);
    const why = { run_id: CUT, slug: "unknown_outcome", text: "unknown outcome: book (1.ask.1.1); look" };
    expect(callsIn(why, effects)).toEqual([effects[1]]);
  });
});
