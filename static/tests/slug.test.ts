import { describe, expect, it } from "vitest";
import { slug } from "../src/lib/slug";

describe("a file name", () => {
  it.each([
    ["How many customers are in Köln?", "how-many-customers-are-in-koln"],
    ["  ../../etc/passwd\u0000 ", "etc-passwd"],
    ["日本", "run"],
    ["", "run"],
    ["a".repeat(60), "a".repeat(48)],
    ["one two three four five six seven eight nine ten eleven", "one-two-three-four-five-six-seven-eight-nine-ten"],
  ])("of %j is %s", (text, name) => expect(slug(text)).toBe(name));

  it("ends with a whole word where it is cut", () => {
    expect(slug("count all the customers who bought something in Leipzig last year")).toBe("count-all-the-customers-who-bought-something-in");
  });
});
