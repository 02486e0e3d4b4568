/** What the runtime remembers, and what the last change touched. */
import { signal } from "@preact/signals";
import { fields, type Fields } from "../lib/json";
import { get } from "../wire/http";

export const memory = signal<Fields | null>(null);
/** Keys that the newest update changed. */
export const changed = signal<ReadonlySet<string>>(new Set());

const same = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);

export function update(next: unknown): void {
  const before = memory.value;
  const after = fields(next);
  if (before) changed.value = new Set(Object.keys(after).filter((key) => !same(before[key], after[key])));
  memory.value = after;
}

export async function load(): Promise<void> {
  memory.value = fields((await get<{ memorizer: unknown }>("/api/state")).memorizer);
}
