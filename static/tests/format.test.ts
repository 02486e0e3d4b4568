import { describe, expect, it } from "vitest";
import { modelCommand } from "../src/lib/curl";
import { count, money, ms, shortId } from "../src/lib/format";
import { table } from "../src/lib/json";
import { words } from "../src/lib/words";

describe("figures", () => {
  it("show a dash for what is not known, never a zero", () => {
    for (const unknown of [null, undefined, Number.NaN]) expect([ms(unknown), count(unknown), money(unknown)]).toEqual(["—", "—", "—"]);
    expect([ms(0), count(0), money(0)]).toEqual(["0.0 ms", "0", "$0"]);
  });

  it("have units", () => {
    expect([ms(4.25), ms(494.2), ms(1234), ms(180_000)]).toEqual(["4.3 ms", "494 ms", "1.23 s", "3.0 min"]);
    expect([money(0.00042), money(1.5)]).toEqual(["$0.00042", "$1.50"]);
    expect(shortId("r-000000000012-0abc")).toBe("#12");
  });
});

describe("a word diff", () => {
  it("names what is gone and what is new", () => {
    expect(words("say hello now", "say goodbye now").filter((p) => p.kind !== "same")).toEqual([{ kind: "gone", text: "hello" }, { kind: "new", text: "goodbye" }]);
  });

  it("finds one word in a long prompt without showing all of it", () => {
    const long = "word ".repeat(20_000);
    const pieces = words(`${long}left${long}`, `${long}right${long}`);
    expect(pieces.some((p) => p.kind === "gone" && p.text.includes("left"))).toBe(true);
    expect(pieces.reduce((n, p) => n + p.text.length, 0)).toBeLessThan(13_000);
  });
});

describe("a command", () => {
  it("survives quotes in the request", () => {
    expect(modelCommand({ a: "it's" })).toContain(`'{"a":"it'\\''s"}'`);
  });
});

describe("a table", () => {
  it("is found in rows of lists and of objects", () => {
    expect(table({ columns: ["a"], rows: [[1]] })).toEqual({ columns: ["a"], rows: [[1]] });
    expect(table([{ a: 1 }, { b: 2 }])).toEqual({ columns: ["a", "b"], rows: [[1, undefined], [undefined, 2]] });
    expect(table("text")).toBeNull();
    expect(table(["a", "b"])).toBeNull();
  });
});
