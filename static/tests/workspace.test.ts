// @vitest-environment jsdom
import "./browser";
import { beforeEach, describe, expect, it } from "vitest";
import { news } from "../src/store/notice";
import { broken, bringBack, putAside, reread, told, workspace } from "../src/store/workspace";

const one = { file: "nodes/a.py", line: 3, cause: "no node named 'b'" };
const two = { file: "graphs/b.toml", line: null, cause: "not TOML" };

beforeEach(() => {
  workspace.value = null;
  news.value = "";
  bringBack();
});

describe("the workspace", () => {
  it("tells what is broken, and keeps it aside only as long as nothing changes", () => {
    reread({ changed: ["nodes/a.py"], errors: [one] });
    expect(told.value).toEqual([one]);
    putAside();
    expect([told.value.length, broken.value]).toEqual([0, 1]);
    reread({ changed: ["graphs/b.toml"], errors: [one, two] });
    expect(told.value).toEqual([one, two]);
  });

  it("tells the same breakage anew when files were read again", () => {
    reread({ changed: ["x"], errors: [one] });
    putAside();
    reread({ changed: ["y"], errors: [one] });
    expect(told.value).toEqual([one]);
  });

  it("says shortly what was read anew, and nothing while something is broken", () => {
    reread({ changed: ["a", "b", "c", "d", "e"], errors: [one] });
    expect(news.value).toBe("");
    reread({ changed: ["a", "b", "c", "d", "e"], errors: [] });
    expect(news.value).toBe("Reloaded: a, b, c and 2 more");
    expect(told.value).toEqual([]);
  });
});
