/** What was changed in a JSON value, as the writes that `PATCH /api/debug/pending` takes. */
import { escaped } from "./jsontext";

export interface Edit {
  /** JSON pointer. */
  readonly path: string;
  readonly value: unknown;
}

const plain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const same = (left: unknown, right: unknown): boolean => {
  if (Array.isArray(left) && Array.isArray(right)) return left.length === right.length && left.every((one, at) => same(one, right[at]));
  if (!plain(left) || !plain(right)) return left === right;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => key in right && same(left[key], right[key]));
};

/** The smallest writes below `path`. A write cannot take a key away, so an object that lost one is written whole. */
export function edits(before: unknown, after: unknown, path: string): readonly Edit[] {
  if (same(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return after.flatMap((value, at) => edits(before[at], value, `${path}/${at}`));
  }
  if (!plain(before) || !plain(after) || Object.keys(before).some((key) => !(key in after))) return [{ path, value: after }];
  return Object.keys(after).flatMap((key) => edits(before[key], after[key], `${path}/${escaped(key)}`));
}

const within = (path: string, other: string): boolean => path === other || path.startsWith(`${other}/`);

/** Whether some of these writes would undo some of those. */
export const overlap = (some: readonly Edit[], others: readonly Edit[]): boolean =>
  some.some(({ path }) => others.some((other) => within(path, other.path) || within(other.path, path)));

/** The pointer that a refusal is about: it names one, and may tell more with `at $.messages[0]`. */
export function blamed(detail: string, sent: readonly Edit[]): string {
  const pointer = /^(\/[^:\s]*)/.exec(detail)?.[1] ?? "";
  const inside = /at `\$([^`]*)`/.exec(detail)?.[1] ?? "";
  if (inside.includes("[...]")) return sent.find((one) => one.path.startsWith(pointer))?.path ?? pointer;
  return pointer + inside.replace(/\[(\d+)\]/g, "/$1").replaceAll(".", "/");
}
