/** Where two texts differ, word by word. */
import { diffWordsWithSpace } from "diff";
import { pretty } from "./format";

export interface Piece {
  readonly text: string;
  readonly kind: "same" | "gone" | "new";
}

const LIMIT = 12_000;
const AROUND = 240;

function sharedStart(left: string, right: string): number {
  const end = Math.min(left.length, right.length);
  let at = 0;
  while (at < end && left[at] === right[at]) at++;
  return at;
}

/** Long sameness is shortened: the reader wants the place, not the prompt. */
function shorten(pieces: readonly Piece[]): Piece[] {
  return pieces.map((piece, index) => {
    if (piece.kind !== "same" || piece.text.length <= 2 * AROUND) return piece;
    const head = index === 0 ? "" : piece.text.slice(0, AROUND);
    const tail = index === pieces.length - 1 ? "" : piece.text.slice(-AROUND);
    return { kind: "same", text: `${head} … ${tail}` };
  });
}

export function words(expected: unknown, got: unknown): Piece[] {
  let left = pretty(expected);
  let right = pretty(got);
  if (left.length + right.length > LIMIT) {
    const from = Math.max(0, sharedStart(left, right) - AROUND);
    left = left.slice(from, from + LIMIT / 2);
    right = right.slice(from, from + LIMIT / 2);
  }
  const parts = diffWordsWithSpace(left, right);
  return shorten(parts.map((p) => ({ text: p.value, kind: p.added ? "new" : p.removed ? "gone" : "same" })));
}
