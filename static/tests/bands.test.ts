import { describe, expect, it } from "vitest";
import { between } from "../src/lib/bands";

describe("two times of a visit", () => {
  const show = (value: number): string => `${value} ms`;

  it.each([[[1, 2], "1 ms → 2 ms"], [[0, null], "0 ms"], [[null, 3], "3 ms"], [[null, null], ""]])("%j are told as %j", (pair, text) => {
    expect(between(pair as [number | null, number | null], show)).toBe(text);
  });
});
