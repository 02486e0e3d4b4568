/** Geometry of the frame waterfall: visits on a time axis whose long silences are folded. */
import { ms } from "./format";

export interface Span {
  readonly start: number;
  /** `null` while it runs. */
  readonly end: number | null;
}

export interface Fold {
  /** Place on the folded axis, in axis milliseconds. */
  readonly at: number;
  /** How much silence was left out. */
  readonly hidden: number;
}

export interface Axis {
  /** Length of the folded axis in milliseconds; never 0. */
  readonly length: number;
  readonly folds: readonly Fold[];
  /** Folded position of a time, as a share 0..1. */
  readonly place: (time: number) => number;
}

/** A silence longer than this share of the busy time, and than `LEAST_FOLD`, is folded. */
const FOLD_SHARE = 0.5;
const LEAST_FOLD = 2_000;
const FOLD_WIDTH = 0.06;

function busy(spans: readonly Span[], now: number): [number, number][] {
  const sorted = spans.map((s): [number, number] => [s.start, Math.max(s.end ?? now, s.start)]);
  sorted.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [start, end] of sorted) {
    const last = merged[merged.length - 1];
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

export function axis(spans: readonly Span[], now: number): Axis {
  const blocks = busy(spans, now);
  const first = blocks[0]?.[0] ?? now;
  const work = blocks.reduce((sum, [start, end]) => sum + end - start, 0);
  const most = Math.max(work * FOLD_SHARE, LEAST_FOLD);
  const folds: Fold[] = [];
  const pieces: { from: number; to: number; at: number }[] = [];
  let at = 0;
  blocks.forEach(([start, end], index) => {
    const before = blocks[index - 1];
    if (before) {
      const silence = start - before[1];
      const shown = silence > most ? Math.max(work, 1) * FOLD_WIDTH : silence;
      if (shown < silence) folds.push({ at: at + shown / 2, hidden: silence - shown });
      pieces.push({ from: before[1], to: start, at });
      at += shown;
    }
    pieces.push({ from: start, to: end, at });
    at += end - start;
  });
  const length = Math.max(at, 0.001);
  const ends = pieces.map((_, index) => pieces[index + 1]?.at ?? at);
  const place = (time: number): number => {
    if (time <= first) return 0;
    let low = 0;
    let high = pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((pieces[middle]?.from ?? 0) <= time) low = middle;
      else high = middle - 1;
    }
    const piece = pieces[low];
    if (!piece) return 0;
    const real = piece.to - piece.from;
    const drawn = (ends[low] ?? at) - piece.at;
    const inside = real > 0 ? Math.min(1, (time - piece.from) / real) : 1;
    return Math.min(1, (piece.at + inside * drawn) / length);
  };
  return { length, folds, place };
}

const STEPS = [1, 2, 5];

/** Round tick distances: about `wanted` ticks over `length` milliseconds. */
export function ticks(length: number, wanted = 5): number[] {
  const rough = length / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (STEPS.find((s) => s * power >= rough) ?? 10);
  const found: number[] = [];
  for (let i = 0; i * step <= length * 1.0001; i++) found.push(i * step);
  return found;
}

export interface Mark {
  /** Left edge in pixels. */
  readonly left: number;
  readonly text: string;
  /** What a fold leaves out, in milliseconds; 0 for a time. */
  readonly hidden: number;
}

/** A character of the ruler is at most that wide, and marks stand at least so far apart. */
const CHARACTER = 7;
const GAP = 8;
const MOST_TICKS = 5;

/** Finer round times are tried where a stretch between folds has none. */
const FINER = [10, 20, 40];

export const widthOf = (text: string): number => text.length * CHARACTER;

const rightOf = (mark: Mark): number => mark.left + widthOf(mark.text);

/** Without zeros that tell nothing; little ones are as exact as they are: rounded, two times would read the same. */
const told = (time: number): string =>
  time === 0 ? "0" : time < 10 ? `${Number(time.toPrecision(3))} ms` : ms(time).replace(/\.0+ |(\.\d*[1-9])0+ /, "$1 ");

/** Beginning and end, where there is room for them and for a fold between them. */
function ends(on: Axis, width: number): readonly Mark[] {
  const first: Mark = { left: 0, text: told(0), hidden: 0 };
  const text = told(on.length);
  const last: Mark = { left: width - widthOf(text), text, hidden: 0 };
  const fold = on.folds.length ? CHARACTER + GAP : 0;
  if (rightOf(first) + fold + GAP <= last.left) return [first, last];
  return rightOf(first) + fold <= width ? [first] : [];
}

/** The folds between `from` and `to`; those that meet are one. */
function foldMarks(on: Axis, width: number, from: number, to: number): readonly Mark[] {
  const marks: Mark[] = [];
  for (const { at, hidden } of on.folds) {
    const left = Math.max(from, Math.min((at / on.length) * width - CHARACTER / 2, to - CHARACTER));
    const last = marks[marks.length - 1];
    if (last && left < rightOf(last) + GAP) marks[marks.length - 1] = { ...last, hidden: last.hidden + hidden };
    else marks.push({ left, text: "≈", hidden });
  }
  return marks;
}

/** Round times so close that their texts just fit beside each other. */
function close(length: number, width: number): readonly number[] {
  const tried = Array.from({ length: MOST_TICKS }, (_, at) => ticks(length, MOST_TICKS - at));
  const fit = (times: readonly number[]): boolean => {
    const texts = times.map(told);
    const step = ((times[1] ?? length) / length) * width;
    return texts.every((text) => widthOf(text) + GAP <= step);
  };
  return tried.find(fit) ?? [];
}

/**
 * Beginning and end, the folds, and the round times that fit beside them on `width` pixels, one at least in every
 * stretch between folds that has room for it: no mark touches another, none ends outside.
 */
export function ruler(on: Axis, width: number): readonly Mark[] {
  const outer = ends(on, width);
  const [first, last] = outer;
  const folds = foldMarks(on, width, first ? rightOf(first) + GAP : 0, last ? last.left - GAP : width);
  const marks = [...outer, ...folds];
  const stretchOf = (left: number): number => folds.filter((fold) => fold.left < left).length;
  const timed = new Set(outer.map(({ left }) => stretchOf(left)));
  const put = (time: number): void => {
    const mark: Mark = { left: (time / on.length) * width, text: told(time), hidden: 0 };
    if (rightOf(mark) > width || marks.some((one) => mark.left < rightOf(one) + GAP && one.left < rightOf(mark) + GAP)) return;
    marks.push(mark);
    timed.add(stretchOf(mark.left));
  };
  close(on.length, width).forEach(put);
  for (const wanted of FINER) {
    for (const time of ticks(on.length, wanted)) if (!timed.has(stretchOf((time / on.length) * width))) put(time);
  }
  return marks.toSorted((one, other) => one.left - other.left);
}

/** Left edge and width in percent, wide enough to be seen. */
export function bar(span: Span, on: Axis, now: number): { left: number; width: number } {
  const left = on.place(span.start) * 100;
  const right = on.place(span.end ?? now) * 100;
  const width = Math.max(right - left, 0.4);
  return { left: Math.min(left, 100 - width), width };
}
