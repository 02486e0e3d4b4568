/** Numbers and times as text. What is not known is a dash, never a zero. */
export const UNKNOWN = "—";

type Known = number | null | undefined;

const known = (value: Known): value is number => value !== null && value !== undefined && Number.isFinite(value);

export function ms(value: Known): string {
  if (!known(value)) return UNKNOWN;
  if (value >= 100_000) return `${(value / 60_000).toFixed(1)} min`;
  if (value >= 1_000) return `${(value / 1_000).toFixed(2)} s`;
  if (value >= 100) return `${value.toFixed(0)} ms`;
  return value > 0 && value < 0.1 ? `${Number(value.toPrecision(1))} ms` : `${value.toFixed(1)} ms`;
}

export function count(value: Known): string {
  return known(value) ? value.toLocaleString("en-US") : UNKNOWN;
}

export function money(value: Known): string {
  if (!known(value)) return UNKNOWN;
  if (value === 0) return "$0";
  return value < 0.01 ? `$${value.toPrecision(2)}` : `$${value.toFixed(2)}`;
}

export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

const pad = (value: number, width = 2): string => String(Math.floor(value)).padStart(width, "0");

/** Local wall time with milliseconds. */
export function clock(unixMs: Known): string {
  if (!known(unixMs)) return UNKNOWN;
  const at = new Date(unixMs);
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`;
}

/** Wall time, with the date when it is not today. */
export function stamp(unixMs: Known, today = new Date()): string {
  if (!known(unixMs)) return UNKNOWN;
  const at = new Date(unixMs);
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  if (at.toDateString() === today.toDateString()) return time;
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${time}`;
}

export function shortId(runId: string): string {
  const found = /^r-0*(\d+)-[0-9a-f]{4}$/.exec(runId);
  return found ? `#${found[1]}` : runId;
}

/** The place of run `#12`, or of one so many behind it, in the order of all runs; empty for any other text. */
export function numbered(text: string, behind = 0): string {
  const found = /^#(\d{1,12})$/.exec(text);
  return found ? `r-${String(Number(found[1]) + behind).padStart(12, "0")}-0000` : "";
}

export function oneLine(text: string, limit = 200): string {
  const flat = text.replace(/\s+/g, " ").trim();
  return flat.length > limit ? `${flat.slice(0, limit - 1)}…` : flat;
}

export function pretty(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "");
}
