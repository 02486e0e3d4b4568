// @vitest-environment jsdom
import "./browser";
import { beforeEach, describe, expect, it } from "vitest";
import { tracePhase } from "../src/store/connection";
import { news } from "../src/store/notice";
import { broken, bringBack, putAside, reread, told, workspace } from "../src/store/workspace";

const one = { file: "nodes/a.py", line: 3, cause: "no node named 'b'" };
const two = { file: "graphs/b.toml", line: null, cause: "not TOML" };

const read = (changed: readonly string[], errors: readonly unknown[]) =>
  reread({ event: "workspace", seq: 1, ts: 1, node: "workspace", run_id: "", channel: "", folder: "/own", changed, errors, notes: [], graphs: [] });

beforeEach(() => {
  workspace.value = null;
  news.value = "";
  tracePhase.value = { is: "open" };
  bringBack();
});

describe("the workspace", () => {
  it("tells what is broken, and keeps it aside only as long as nothing changes", () => {
    read(["nodes/a.py"], [one]);
    expect(told.value).toEqual([one]);
    putAside();
    expect([told.value.length, broken.value]).toEqual([0, 1]);
    read(["graphs/b.toml"], [one, two]);
    expect(told.value).toEqual([one, two]);
  });

  it("tells the same breakage anew when files were read again", () => {
    read(["x"], [one]);
    putAside();
    read(["y"], [one]);
    expect(told.value).toEqual([one]);
  });

  it("has no news in what happened before the page was opened", () => {
    tracePhase.value = { is: "connecting" };
    read(["a"], []);
    expect(news.value).toBe("");
  });

  it("says shortly what was read anew, and nothing while something is broken", () => {
    read(["a", "b", "c", "d", "e"], [one]);
    expect(news.value).toBe("");
    read(["a", "b", "c", "d", "e"], []);
    expect(news.value).toBe("Reloaded: a, b, c and 2 more");
    expect(told.value).toEqual([]);
  });
});
