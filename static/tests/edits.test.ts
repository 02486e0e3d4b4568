import { describe, expect, it } from "vitest";
import { blamed, edits, overlap } from "../src/lib/edits";

describe("edits", () => {
  it("undo others where they are written at, above or below them", () => {
    const at = (path: string) => [{ path, value: 1 }];
    expect(["/memory", "/memory/a", "/memory/a/b", "/memory/ab", "/memory/b"].map((path) => overlap(at(path), at("/memory/a")))).toEqual([true, true, true, false, false]);
    expect(overlap([], at("/memory"))).toBe(false);
  });

  it("writes what was changed and nothing beside it", () => {
    const before = { pa: { text: "hi", data: { n: 1, list: [1, { a: 1 }] } }, other: { text: "x" } };
    const after = { pa: { text: "ho", data: { n: 1, list: [1, { a: 2 }] } }, other: { text: "x" } };
    expect(edits(before, after, "/pending")).toEqual([
      { path: "/pending/pa/text", value: "ho" },
      { path: "/pending/pa/data/list/1/a", value: 2 },
    ]);
  });

  it("adds by key, and escapes it", () => {
    expect(edits({}, { "a/b~c": null }, "/ui_state")).toEqual([{ path: "/ui_state/a~1b~0c", value: null }]);
  });

  it("writes an object whole when a key went, and an array when its length changed", () => {
    expect(edits({ a: { b: 1, c: 2 }, d: [1] }, { a: { b: 1 }, d: [1, 2] }, "/memory")).toEqual([
      { path: "/memory/a", value: { b: 1 } },
      { path: "/memory/d", value: [1, 2] },
    ]);
  });

  it("finds nothing where only the order of keys differs", () => {
    expect(edits({ a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ d: 2, c: 1 }], a: 1 }, "")).toEqual([]);
  });

  it.each([[null, { a: 1 }], [[1], { 0: 1 }], ["a", null]])("writes %j whole when it became %j", (before, after) => {
    expect(edits(before, after, "/tool_result")).toEqual([{ path: "/tool_result", value: after }]);
  });
});

describe("a refusal", () => {
  const sent = [{ path: "/pending/pa/text", value: 3 }];

  it.each([
    ["/pending/pa/foo: an envelope has no such field", "/pending/pa/foo"],
    ["/pending: Expected `str`, got `int` - at `$[...].text`", "/pending/pa/text"],
    ["/model_request: Expected `str`, got `int` - at `$.messages[0].content`", "/model_request/messages/0/content"],
    ["no run is held", ""],
  ])("of %j is about %j", (detail, pointer) => expect(blamed(detail, sent)).toBe(pointer));
});
