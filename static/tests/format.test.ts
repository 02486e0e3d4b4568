import { describe, expect, it } from "vitest";
import { modelCommand } from "../src/lib/curl";
import { count, money, ms, numbered, shortId } from "../src/lib/format";
import { table } from "../src/lib/json";
import { words } from "../src/lib/words";

describe("figures", () => {
  it("show a dash for what is not known, never a zero", () => {
    for (const unknown of [null, undefined, Number.NaN]) expect([ms(unknown), count(unknown), money(unknown)]).toEqual(["—", "—", "—"]);
    expect([ms(0), count(0), money(0)]).toEqual(["0.0 ms", "0", "$0"]);
  });

  it("have units", () => {
    expect([ms(4.25), ms(494.2), ms(1234), ms(180_000)]).toEqual(["4.3 ms", "494 ms", "1.23 s", "3.0 min"]);
    expect([ms(0.04), ms(0.004)]).toEqual(["0.04 ms", "0.004 ms"]);
    expect([money(0.00042), money(1.5)]).toEqual(["$0.00042", "$1.50"]);
    expect(shortId("r-000000000012-0abc")).toBe("#12");
    expect([numbered("#12"), numbered("#12", 1), numbered("12"), numbered("#x")]).toEqual(["r-000000000012-0000", "r-000000000013-0000", "", ""]);
  });
});

const told = (expected: unknown, got: unknown): string =>
  words(expected, got).map(({ kind, text }) => ({ same: text, gone: `[-${text}-]`, new: `{+${text}+}` })[kind]).join("");

describe("a word diff", () => {
  it.each([
    ["say hello now", "say goodbye now", "say [-hello-]{+goodbye+} now"],
    ["a b c d", "a c d", "a [-b -]c d"],
    ["same", "same", "same"],
    ["", "new", "{+new+}"],
    ["one two three four", "zero two three five", "[-one-]{+zero+} two three [-four-]{+five+}"],
  ])("of %j and %j", (left, right, expected) => {
    expect(told(left, right)).toBe(expected);
  });

  it("compares values as their JSON", () => {
    expect(told({ a: 1 }, { a: 2 })).toContain("[-1-]{+2+}");
  });

  it("loses nothing on either side", () => {
    const left = "the quick brown fox, (jumps) over 13 lazy dogs\n\n";
    const right = "a quick red fox jumps over the 31 lazy dogs!";
    const pieces = words(left, right);
    expect(pieces.filter((p) => p.kind !== "new").map((p) => p.text).join("")).toBe(left);
    expect(pieces.filter((p) => p.kind !== "gone").map((p) => p.text).join("")).toBe(right);
  });

  it("finds one word in a long prompt without showing all of it", () => {
    const long = "word ".repeat(20_000);
    const pieces = words(`${long}left ${long}`, `${long}right ${long}`);
    expect(pieces.filter((p) => p.kind !== "same").map((p) => p.text)).toEqual(["left", "right"]);
    expect(pieces.reduce((n, p) => n + p.text.length, 0)).toBeLessThan(1_000);
  });

  it("stays quick when everything was rewritten", () => {
    const pieces = words("a b ".repeat(50_000), "c d ".repeat(50_000));
    expect(pieces.map((p) => p.kind)).toEqual(["gone", "new", "same"]);
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
