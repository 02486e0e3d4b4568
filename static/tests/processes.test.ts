// @vitest-environment jsdom
import "./browser";
import { afterEach, describe, expect, it, vi } from "vitest";
import { busy, load, processes, processesOf, stop, stopping, tell } from "../src/store/processes";
import type { EventLine } from "../src/wire/lines";

const frame = (): Promise<void> => new Promise((done) => requestAnimationFrame(() => done()));
const line = (event: string, pid: string, more: object = {}) =>
  tell({ event, channel: "main", seq: 1, ts: 1_000, pid, run_id: "r1", frame: 2, node: "expert", tool: "query_db", ...more } as EventLine);
const seen = async () => {
  await frame();
  return processes.value.map(({ pid, status, lines }) => [pid, status, lines]);
};
const answers = (status: number, body: unknown) => vi.stubGlobal("fetch", async () => new Response(JSON.stringify(body), { status }));

afterEach(() => vi.unstubAllGlobals());

describe("processes", () => {
  it("are told from start to end, those at work first", async () => {
    line("process_start", "a", { args: { query: "SELECT 1" }, started: 900 });
    line("process_start", "b", { started: 950 });
    line("process_line", "b", { line: "reading" });
    line("process_done", "b", { status: "done", lines: ["reading", "read"], left_out: 2, exit_code: 0, ended: 990 });
    expect(await seen()).toEqual([["a", "running", []], ["b", "done", ["reading", "read"]]]);
    expect(processes.value[1]).toMatchObject({ left_out: 2, exit_code: 0, started: 950, ended: 990, frame: 2 });
    expect(busy.value).toBe(1);
    expect(processesOf("r1", 2, "expert").map((one) => one.pid)).toEqual(["a", "b"]);
  });

  it("of other channels, and lines of unknown ones, are passed over", async () => {
    tell({ event: "process_start", channel: "suite", seq: 1, ts: 1, pid: "x" } as EventLine);
    line("process_line", "y", { line: "lost" });
    expect((await seen()).map(([pid]) => pid)).toEqual(["a", "b"]);
  });

  it("keep what was told when a list comes late", async () => {
    const listed = { run_id: "r1", channel: "main", frame: 2, node: "expert", tool: "query_db", args: {}, left_out: 0, exit_code: null, started: 900, ended: null };
    answers(200, { processes: [{ ...listed, pid: "a", status: "running", lines: ["one"] }, { ...listed, pid: "b", status: "running", lines: [] }, { ...listed, pid: "c", status: "failed", lines: [] }] });
    await load();
    expect(await seen()).toEqual([["a", "running", ["one"]], ["b", "done", ["reading", "read"]], ["c", "failed", []]]);
  });

  it("that cannot be stopped are not shown as stopping", async () => {
    answers(404, { detail: "no process 'a'" });
    await expect(stop("a")).rejects.toThrow("no process 'a'");
    expect(stopping.value.has("a")).toBe(false);
    answers(200, {});
    await stop("a");
    expect(stopping.value.has("a")).toBe(true);
  });
});
