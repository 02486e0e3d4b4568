/** Tool calls as processes: told live by the trace socket, listed by the server, stopped by pid. */
import { computed, signal } from "@preact/signals";
import { fields, items, text } from "../lib/json";
import { get, post } from "../wire/http";
import type { Process } from "../wire/lines";
import { pulse } from "./pulse";
import { CHANNEL } from "./runs";

const { version, bump } = pulse();
const KEPT = 200;
const ACTIVE = new Set(["pending", "running"]);

const known = new Map<string, Process>();

export const active = (process: Process): boolean => ACTIVE.has(process.status);

/** Those at work first, then the newest. */
export const processes = computed((): readonly Process[] => {
  version.value;
  return [...known.values()].sort((a, b) => Number(active(b)) - Number(active(a)) || b.started - a.started);
});

export const busy = computed(() => processes.value.filter(active).length);

/** The processes of one visit of a node, oldest first. */
export const processesOf = (run_id: string, frame: number, node: string): readonly Process[] =>
  processes.value.filter((one) => one.run_id === run_id && one.frame === frame && one.node === node).toSorted((a, b) => a.started - b.started);

function keep(process: Process): void {
  known.set(process.pid, process);
  if (known.size > KEPT) {
    const oldest = [...known.values()].find((one) => !active(one));
    if (oldest) known.delete(oldest.pid);
  }
  bump();
}

const whole = (value: unknown): number | null => (typeof value === "number" ? value : null);

/** Fold an event into its process; of one whose start was missed, the next list tells. */
export function tell(line: { readonly event: string; readonly channel: string; readonly ts: number }): void {
  if (line.channel !== CHANNEL || !line.event.startsWith("process_")) return;
  const { pid, run_id, channel, frame, node, tool, args, started, status, lines, line: said, left_out, exit_code, ended } = fields(line);
  const before = known.get(text(pid));
  if (line.event === "process_start") {
    keep({
      pid: text(pid), run_id: text(run_id), channel: text(channel), frame: whole(frame), node: text(node), tool: text(tool), args,
      status: "running", lines: [], left_out: 0, exit_code: null, started: whole(started) ?? line.ts, ended: null,
    });
  } else if (before && line.event === "process_line") keep({ ...before, lines: [...before.lines, text(said)] });
  else if (before && line.event === "process_done") {
    keep({ ...before, status: text(status), lines: items(lines).map(text), left_out: whole(left_out) ?? 0, exit_code: whole(exit_code), ended: whole(ended) ?? line.ts });
  }
}

/** Events may overtake the list that was asked for before them. */
const older = (listed: Process, told: Process | undefined): boolean =>
  told !== undefined && ((active(listed) && !active(told)) || listed.lines.length < told.lines.length);

export async function load(): Promise<void> {
  const { processes: listed } = await get<{ processes: readonly Process[] }>(`/api/processes?channel=${CHANNEL}&last=${KEPT}`);
  for (const process of listed) if (!older(process, known.get(process.pid))) known.set(process.pid, process);
  bump();
}

/** Those that were told to stop and may still be at work. */
export const stopping = signal<ReadonlySet<string>>(new Set());

export async function stop(pid: string): Promise<void> {
  stopping.value = new Set(stopping.value).add(pid);
  try {
    await post("/api/processes/cancel", { pid });
  } catch (error) {
    stopping.value = new Set([...stopping.value].filter((one) => one !== pid));
    throw error;
  }
}
