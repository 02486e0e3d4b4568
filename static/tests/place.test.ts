import { describe, expect, it } from "vitest";
import { format, HOME, parse } from "../src/lib/place";

describe("the address", () => {
  it("holds every selection", () => {
    const there = { room: "inspector", run: "r-000000000012-0abc", frame: 3, node: "thinker", visit: 2, tab: "model", q: "path:director a&b=c #x", ev: "node:ui -event:streaming", seq: 41, pid: "r-1/2.thinker.0", only: "failed" } as const;
    expect(parse(format(there))).toEqual(there);
  });

  it("is short at home", () => {
    expect(format(HOME)).toBe("#/frames");
    expect(parse("")).toEqual(HOME);
  });

  it.each(["#/nowhere?tab=x", "#/frames?frame=-1&visit=0", "#/frames?frame=1e99x&seq=NaN", "#?%%%=1", "#/frames?frame=1.5"])("makes the best of nonsense: %s", (hash) => {
    expect(parse(hash)).toEqual(HOME);
  });
});
