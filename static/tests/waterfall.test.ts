import { describe, expect, it } from "vitest";
import { axis, bar, ruler, ticks, widthOf } from "../src/lib/waterfall";

describe("the axis", () => {
  it("places spans by time", () => {
    const on = axis([{ start: 100, end: 150 }, { start: 150, end: 200 }], 0);
    expect([on.place(100), on.place(150), on.place(200), on.length]).toEqual([0, 0.5, 1, 100]);
  });

  it("runs to now while something works", () => {
    const on = axis([{ start: 0, end: null }], 80);
    expect(on.length).toBe(80);
    expect(bar({ start: 0, end: null }, on, 80)).toEqual({ left: 0, width: 100 });
  });

  it("folds a long silence and says how long it was", () => {
    const on = axis([{ start: 0, end: 100 }, { start: 60_000, end: 60_100 }], 0);
    expect(on.folds).toHaveLength(1);
    expect(on.folds[0]?.hidden).toBeGreaterThan(59_000);
    expect(on.length).toBeLessThan(300);
    expect(on.place(60_000)).toBeGreaterThan(on.place(100));
  });

  it("keeps short silences as they are", () => {
    expect(axis([{ start: 0, end: 100 }, { start: 150, end: 200 }], 0).folds).toEqual([]);
  });

  it("never goes back in time, whatever overlaps", () => {
    const spans = [{ start: 0, end: 500 }, { start: 20, end: 40 }, { start: 9_000, end: 9_400 }, { start: 9_100, end: null }];
    const on = axis(spans, 9_900);
    const places = Array.from({ length: 200 }, (_, i) => on.place(i * 50));
    expect(places.every((place, i) => i === 0 || place >= (places[i - 1] as number))).toBe(true);
    expect(Math.min(...places)).toBe(0);
    expect(Math.max(...places)).toBe(1);
  });

  it("is there for a run without frames and for one that took no time", () => {
    expect(axis([], 5).place(5)).toBe(0);
    expect(axis([{ start: 5, end: 5 }], 5).length).toBeGreaterThan(0);
  });

  it("places 10,000 spans quickly enough to hover", () => {
    const spans = Array.from({ length: 10_000 }, (_, i) => ({ start: i * 10_000, end: i * 10_000 + 5 }));
    const on = axis(spans, 0);
    expect(on.place(99_990_005)).toBe(1);
    expect(on.folds).toHaveLength(0);
  });
});

describe("a bar", () => {
  it("stays visible and inside", () => {
    const on = axis([{ start: 0, end: 10_000 }], 0);
    const tiny = bar({ start: 10_000, end: 10_000 }, on, 0);
    expect(tiny.width).toBeGreaterThan(0);
    expect(tiny.left + tiny.width).toBeLessThanOrEqual(100);
  });
});

describe("ticks", () => {
  it("are round and few", () => {
    expect(ticks(494, 4)).toEqual([0, 200, 400]);
    expect(ticks(1, 5)).toEqual([0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]);
  });
});

describe("the ruler", () => {
  const WIDTHS = [60, 100, 180, 260, 420, 700];
  const silent = (count: number, work: number, rest: number) => Array.from({ length: count }, (_, i) => ({ start: i * (work + rest), end: i * (work + rest) + work }));
  const RUNS = [silent(1, 0.4, 0), silent(1, 137, 0), silent(2, 50, 9_000), silent(3, 33, 60_000), silent(40, 5, 9_000), [{ start: 0, end: 1 }, ...silent(2, 4_000, 90_000).map((s) => ({ start: s.start + 70_000, end: s.end + 70_000 }))]];

  it("has marks that never touch and never leave it, at any width", () => {
    for (const run of RUNS) for (const width of WIDTHS) {
      const marks = ruler(axis(run, 0), width).toSorted((a, b) => a.left - b.left);
      marks.forEach((mark, at) => expect(mark.left + widthOf(mark.text)).toBeLessThan(marks[at + 1]?.left ?? width + 0.001));
    }
  });

  it("shows every fold, those that meet as one", () => {
    const on = axis(silent(3, 33, 60_000), 0);
    const folded = (width: number) => ruler(on, width).filter((mark) => mark.hidden);
    expect([folded(420).length, folded(20).length]).toEqual([2, 1]);
    expect(folded(20)[0]?.hidden).toBe(on.folds.reduce((sum, fold) => sum + fold.hidden, 0));
  });

  const texts = (run: Parameters<typeof axis>[0], width: number) => ruler(axis(run, 0), width).map((mark) => mark.text);

  it("shows beginning and end, and round times where they fit", () => {
    expect(texts([{ start: 0, end: 494 }], 400)).toEqual(["0", "100 ms", "200 ms", "300 ms", "494 ms"]);
    expect(texts([{ start: 0, end: 494 }], 200)).toEqual(["0", "200 ms", "494 ms"]);
    expect(texts([{ start: 0, end: 0.17 }], 600)).toEqual(["0", "0.05 ms", "0.1 ms", "0.17 ms"]);
    expect(texts([{ start: 0, end: 12_500 }], 300)).toEqual(["0", "5 s", "12.5 s"]);
    expect(texts([], 0)).toEqual([]);
  });

  it("shows beginning and end beside the folds of a narrow one", () => {
    expect(texts(silent(3, 33, 60_000), 137)).toEqual(["0", "≈", "≈", "111 ms"]);
    expect(texts(silent(3, 900, 60_000), 137)).toEqual(["0", "≈", "≈", "3.02 s"]);
    for (const run of RUNS) for (const width of WIDTHS.slice(1)) {
      const marks = ruler(axis(run, 0), width);
      const last = marks[marks.length - 1];
      expect([marks[0]?.left, marks[0]?.text, last?.hidden]).toEqual([0, "0", 0]);
      expect((last?.left ?? 0) + widthOf(last?.text ?? "")).toBeCloseTo(width);
    }
    expect([texts(silent(3, 33, 60_000), 40), texts(silent(3, 33, 60_000), 20)]).toEqual([["0", "≈"], ["≈"]]);
  });

  it("has a time in every stretch that has room for one", () => {
    expect(texts(silent(3, 33, 60_000), 260)).toEqual(["0", "≈", "50 ms", "≈", "111 ms"]);
    expect(texts([{ start: 0, end: 60 }, { start: 60_000, end: 60_040 }, { start: 200_000, end: 200_060 }], 300)).toEqual(["0", "≈", "80 ms", "≈", "179 ms"]);
    for (const run of RUNS) for (const width of WIDTHS) {
      const marks = ruler(axis(run, 0), width);
      const folds = marks.filter((mark) => mark.hidden);
      folds.forEach((fold, at) => {
        const next = folds[at + 1];
        const timed = marks.some((mark) => !mark.hidden && mark.left > fold.left && mark.left < (next?.left ?? width));
        if (next && next.left - fold.left > 100) expect(timed).toBe(true);
      });
    }
  });
});
