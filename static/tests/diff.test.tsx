// @vitest-environment jsdom
import "./browser";
import { render } from "preact";
import { act } from "preact/test-utils";
import { expect, it, vi } from "vitest";
import type { RunView } from "../src/store/visits";
import type { EventLine } from "../src/wire/lines";

const asked: string[] = [];
vi.stubGlobal("fetch", (url: string) => {
  asked.push(url);
  return new Promise(() => undefined);
});
const { DiffDialog } = await import("../src/rooms/DiffDialog");
const { known, tell } = await import("../src/store/runs");

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};

const ended = (seq: number, run_id: string, message: string): void => {
  const trace = { run_id, kind: "message", channel: "main", message, outcome: "done", frames: [], post_frames: [] };
  tell({ event: "frame_trace", seq, ts: seq, node: "frame_engine", run_id, channel: "main", trace } as unknown as EventLine);
};

const compared = (run_id: string): string => {
  asked.length = 0;
  document.body.innerHTML = "<div></div>";
  act(() => render(<DiffDialog run={known(run_id) as RunView} onClose={() => undefined} />, document.body.firstElementChild as Element));
  return asked.find((url) => url.startsWith("/api/diff")) ?? "";
};

it("compares a run with one that ended a moment ago, before the list of runs is read again", () => {
  ended(1, "r1", "in Leipzig?");
  ended(2, "r2", "hello");
  ended(3, "r3", "in Berlin?");
  expect(compared("r3")).toBe("/api/diff?left=r2&right=r3");
});

it("prefers the last run of the same message", () => {
  ended(4, "r4", "in Leipzig?");
  expect(compared("r4")).toBe("/api/diff?left=r1&right=r4");
});
