import { beforeEach, describe, expect, it, vi } from "vitest";
import { Large, type Skeleton } from "../src/store/large";

const row = (frame: number, node: string) => ({ frame, node, visit: 1, started: frame, duration_ms: 1, input: "in", output: "out", route: "", condition: "", error: "" });
const skeleton = {
  skeleton: true, run_id: "r/1", kind: "message", channel: "main", message: "m", graph: "g", revision: "x", path: "p", total_frames: 300, total_ms: 300,
  outcome: "done", started: 1, tokens: 7, cost: null, response: "the answer", error: "", imported_from: "r0",
  frames: Array.from({ length: 300 }, (_, at) => row(at + 1, "a")), post_frames: [row(301, "m")],
} as unknown as Skeleton;
const record = (frame: number, node: string) => ({ ...row(frame, node), input: { kind: "x", text: "whole" }, output: { kind: "y", text: "all of it" }, effects: [`${frame}.${node}.1.0`] });
const asked: string[] = [];

beforeEach(() => {
  asked.length = 0;
  vi.stubGlobal("fetch", (path: string) => {
    asked.push(path);
    const frame = Number(path.split("/").pop());
    if (frame === 13) return Promise.resolve(new Response('{"detail":"gone"}', { status: 404 }));
    const post = frame === 301;
    const parts = { frames: post ? [] : [record(frame, "a")], post_frames: post ? [record(frame, "m")] : [], effects: [{ effect_id: `${frame}.${post ? "m" : "a"}.1.0`, kind: "model" }] };
    return Promise.resolve(new Response(JSON.stringify(parts)));
  });
});

describe("a large run", () => {
  it("shows all visits at once, without their contents", () => {
    const { view } = new Large(skeleton);
    expect([view.visits.length, view.response, view.imported_from, view.status, view.trace]).toEqual([301, "the answer", "r0", "done", null]);
    expect(view.visits.some((visit) => visit.record)).toBe(false);
    expect(asked).toEqual([]);
  });

  it("reads a frame when it is looked at, once", async () => {
    const large = new Large(skeleton);
    expect(await Promise.all([large.look(7), large.look(7)])).toEqual([true, false]);
    expect(await large.look(7)).toBe(false);
    expect(asked).toEqual(["/api/traces/r%2F1/frames/7"]);
    const visit = large.view.visits[6];
    expect([visit?.record?.input.text, visit?.effects?.length, visit?.output]).toEqual(["whole", 1, "all of it"]);
    expect(large.view.visits.filter((one) => one.record)).toHaveLength(1);
  });

  it("tells post-frames from frames", async () => {
    const large = new Large(skeleton);
    await large.look(301);
    expect(large.view.visits[300]?.record?.node).toBe("m");
  });

  it("asks again for what could not be read", async () => {
    const large = new Large(skeleton);
    await expect(large.look(13)).rejects.toThrow("gone");
    await expect(large.look(13)).rejects.toThrow("gone");
    expect(asked).toHaveLength(2);
  });

  it("keeps the contents of the last frames only", async () => {
    const large = new Large(skeleton);
    for (let frame = 14; frame < 130; frame++) await large.look(frame);
    const read = large.view.visits.filter((visit) => visit.record).map((visit) => visit.frame);
    expect([read.length, read[0], read[99]]).toEqual([100, 30, 129]);
  });
});
