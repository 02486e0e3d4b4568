// @vitest-environment jsdom
import "./browser";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { asides, load, tell } from "../src/store/asides";
import type { EventLine } from "../src/wire/lines";

const told = (channel: string): void => tell({ event: "run", run_id: "r2", channel, kind: "fork", status: "running", seq: 1, ts: 1 } as EventLine);
const row = (run_id: string, channel: string, status = "running") => ({ run_id, channel, status, kind: "fork", text: "hello" });
const answers = (...rows: object[]) => {
  const asked = vi.fn(async () => new Response(JSON.stringify({ runs: rows })));
  vi.stubGlobal("fetch", asked);
  return asked;
};
const ids = (): string[] => asides.value.map((one) => one.run_id);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("runs beside the conversation", () => {
  it("are listed once for all that began and ended at once", async () => {
    const asked = answers(row("r2", ""), row("r1", "main"), row("r3", "", "done"));
    told("");
    told("");
    await vi.runAllTimersAsync();
    expect(asked).toHaveBeenCalledTimes(1);
    expect(ids()).toEqual(["r2"]);
  });

  it("are not asked for when the conversation goes on", async () => {
    const asked = answers();
    told("main");
    await vi.runAllTimersAsync();
    expect(asked).not.toHaveBeenCalled();
  });

  it("stay as the newest list has them, whichever answer comes last", async () => {
    let late = (_: Response): void => undefined;
    vi.stubGlobal("fetch", () => new Promise<Response>((done) => { late = done; }));
    const slow = load();
    answers();
    await load();
    late(new Response(JSON.stringify({ runs: [row("r2", "")] })));
    await slow;
    expect(ids()).toEqual([]);
  });
});
