import { describe, expect, it } from "vitest";
import { parse, place } from "../src/lib/jsontext";

const GOOD = ['{"a": [1, -2.5e3, {"b": null}], "c/d": "x\\n\\u00e9\\"", "": true}', " [] ", "{}", "0", '"text"', '[[[[]]], {"a": {}}]'];
const BAD: readonly [string, string][] = [
  ['{\n  "a": x\n}', "line 2, column 8: expected a value"],
  ['{"a": 1', "line 1, column 8: expected ',' or '}'"],
  ["", "line 1, column 1: expected a value"],
  ["{'a': 1}", "line 1, column 2: expected a key in double quotes"],
  ['{"a" 1}', "line 1, column 6: expected ':'"],
  ["[1,]", "line 1, column 4: expected a value"],
  ["[1] 2", "line 1, column 5: expected nothing more"],
  ["01", "line 1, column 2: expected nothing more"],
  ['["a\nb"]', "line 1, column 2: expected a text that is closed, with its line breaks and backslashes escaped"],
];

describe("JSON text", () => {
  it.each(GOOD)("%s says what the platform's parser says", (text) => {
    const parsed = parse(text);
    expect(parsed.ok && parsed.value).toEqual(JSON.parse(text));
  });

  it.each(BAD)("%s is refused where it ends being JSON", (text, told) => {
    expect(() => JSON.parse(text) as unknown).toThrow();
    const parsed = parse(text);
    expect(parsed.ok || parsed.text).toBe(told);
  });

  it("refuses a number that would be sent as null", () => {
    const parsed = parse('{"a": -1e999}');
    expect(parsed.ok || parsed.text).toBe("line 1, column 7: expected a number below 1.8e308");
    expect(parse('["1e999", 1e308]').ok).toBe(true);
  });

  it("knows where a value stands, or the nearest around it", () => {
    const text = '{"a": [1, {"b/c": "x"}]}';
    const parsed = parse(text);
    const at = (pointer: string): string | null => {
      const span = place(parsed, pointer);
      return span && text.slice(span.start, span.end);
    };
    expect([at("/a/1/b~1c"), at("/a/0"), at("/a/1/gone/away"), at("/z")]).toEqual(['"x"', "1", '{"b/c": "x"}', null]);
  });
});
