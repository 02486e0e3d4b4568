/** The newest events, as plain objects in a ring. */
import { Ring } from "../lib/ring";
import type { TraceLine } from "../wire/lines";
import { pulse } from "./pulse";

const { version, bump } = pulse();
export { version };

export const KEPT = 20_000;
export const events = new Ring<TraceLine>(KEPT);

let lastSeq = 0;
export const newestSeq = (): number => lastSeq;

/**
 * Note a line; false when it was seen before (a poll and a socket may both bring it).
 * A snapshot and a gap only move the place from which a reconnect asks.
 */
export function note(line: TraceLine): boolean {
  if (line.event === "snapshot") {
    if (lastSeq === 0) lastSeq = line.seq;
    return false;
  }
  if (line.event === "gap") {
    const first = lastSeq === 0;
    lastSeq = line.seq;
    if (first) return false;
    events.push(line);
    bump();
    return true;
  }
  if (line.seq <= lastSeq) return false;
  lastSeq = line.seq;
  events.push(line);
  bump();
  return true;
}

/** The nearest match after (`by` 1) or before (-1) an event; 0 when there is none. From 0: the first or the newest. */
export function beside(seq: number, by: 1 | -1, test: (line: TraceLine) => boolean): number {
  for (let n = by > 0 ? events.first : events.next - 1; n >= events.first && n < events.next; n += by) {
    const line = events.at(n);
    if (line && (seq === 0 || (line.seq - seq) * by > 0) && test(line)) return line.seq;
  }
  return 0;
}

export function forget(): void {
  events.clear();
  lastSeq = 0;
  bump();
}
