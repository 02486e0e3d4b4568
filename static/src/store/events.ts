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

export function forget(): void {
  events.clear();
  lastSeq = 0;
  bump();
}
