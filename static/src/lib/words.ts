/** Where two texts differ, word by word: what is shared at both ends, and the longest common words between. */
import { pretty } from "./format";

export interface Piece {
  readonly text: string;
  readonly kind: "same" | "gone" | "new";
}

/** Beyond this many words on a side the middle counts as rewritten: the reader wants the place, not the prompt. */
const MOST = 1_200;
/** Sameness is shown up to this many characters beside a difference. */
const AROUND = 240;

const split = (text: string): string[] => text.match(/\s+|\w+|[^\s\w]/gu) ?? [];

/** Lengths of the longest common subsequence of every pair of tails. */
function tails(left: readonly string[], right: readonly string[]): Uint16Array[] {
  const table = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i--) {
    const row = table[i] as Uint16Array;
    const below = table[i + 1] as Uint16Array;
    for (let j = right.length - 1; j >= 0; j--) {
      row[j] = left[i] === right[j] ? (below[j + 1] as number) + 1 : Math.max(below[j] as number, row[j + 1] as number);
    }
  }
  return table;
}

function middle(left: readonly string[], right: readonly string[]): Piece[] {
  if (left.length > MOST || right.length > MOST) return [{ kind: "gone", text: left.join("") }, { kind: "new", text: right.join("") }];
  const table = tails(left, right);
  const pieces: Piece[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) {
      pieces.push({ kind: "same", text: left[i] as string });
      i++;
      j++;
    } else if (j >= right.length || (i < left.length && (table[i + 1]?.[j] ?? 0) >= (table[i]?.[j + 1] ?? 0))) {
      pieces.push({ kind: "gone", text: left[i++] as string });
    } else pieces.push({ kind: "new", text: right[j++] as string });
  }
  return pieces;
}

/** Neighbours of one kind become one piece. */
function joined(pieces: readonly Piece[]): Piece[] {
  const whole: Piece[] = [];
  for (const piece of pieces) {
    const last = whole[whole.length - 1];
    if (last?.kind === piece.kind) whole[whole.length - 1] = { kind: piece.kind, text: last.text + piece.text };
    else if (piece.text) whole.push(piece);
  }
  return whole;
}

function shortened(piece: Piece, index: number, all: readonly Piece[]): Piece {
  if (piece.text.length <= 2 * AROUND) return piece;
  const head = index === 0 && piece.kind === "same" ? "" : piece.text.slice(0, AROUND);
  const tail = index === all.length - 1 && piece.kind === "same" ? "" : piece.text.slice(-AROUND);
  return { kind: piece.kind, text: `${head} … ${tail}` };
}

export function words(expected: unknown, got: unknown): Piece[] {
  const left = split(pretty(expected));
  const right = split(pretty(got));
  const short = Math.min(left.length, right.length);
  let from = 0;
  while (from < short && left[from] === right[from]) from++;
  let to = 0;
  while (to < short - from && left[left.length - 1 - to] === right[right.length - 1 - to]) to++;
  const pieces: Piece[] = [
    { kind: "same", text: left.slice(0, from).join("") },
    ...middle(left.slice(from, left.length - to), right.slice(from, right.length - to)),
    { kind: "same", text: left.slice(left.length - to).join("") },
  ];
  return joined(pieces).map(shortened);
}
