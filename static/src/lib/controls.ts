/** What a list of controls is made of: what the latest answer put there, and each machine by itself. */
import { fields, type Fields, text } from "./json";

export interface Machine {
  readonly id: string;
  readonly state: string;
  /** What the state says, where that is more than its name. */
  readonly says: string;
  readonly buttons: readonly Fields[];
}

export interface Shown {
  readonly loose: readonly Fields[];
  readonly machines: readonly Machine[];
}

const kind = (control: Fields): string => text(control["type"]) || "button";

function machine(id: string, of: readonly Fields[]): Machine {
  const label = of.find((control) => kind(control) === "label") ?? {};
  const says = text(label["text"]);
  const state = text(label["state"]) || says;
  return { id, state, says: says === state ? "" : says, buttons: of.filter((control) => kind(control) === "button") };
}

export function arrange(controls: readonly unknown[]): Shown {
  const loose: Fields[] = [];
  const machines = new Map<string, Fields[]>();
  for (const control of controls.map(fields)) {
    const id = text(control["machine_id"]);
    if (id) machines.set(id, [...(machines.get(id) ?? []), control]);
    else loose.push(control);
  }
  return { loose, machines: [...machines].map(([id, of]) => machine(id, of)) };
}

/** What the server finds the button by: its machine, else its exact payload. */
export function clickData(control: Fields): unknown {
  const { machine_id, go, payload } = control;
  return machine_id === undefined ? (payload ?? null) : { machine_id, go, payload };
}

/** Whether a click is resolved without a model, so that clicking again at once makes sense. */
export const local = (control: Fields): boolean => control["go"] !== undefined || fields(control["payload"])["op"] !== undefined;

/** Progress in percent, from `40`, `"40%"` or `"2/5"`; null when it says none. */
export function percentOf(value: unknown): number | null {
  const found = /^\s*(\d+(?:\.\d+)?)\s*(?:%|(?:\/|of|von)\s*(\d+(?:\.\d+)?))?\s*$/.exec(text(value));
  if (!found) return null;
  const share = found[2] === undefined ? Number(found[1]) : (Number(found[1]) / Number(found[2])) * 100;
  return Number.isFinite(share) ? Math.min(100, share) : null;
}
