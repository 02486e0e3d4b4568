/** Tool calls as processes: told live by the trace socket, listed by the server, stopped by pid. */
import { computed, signal } from "@preact/signals";
import { get, post } from "../wire/http";
import type { EventLine, Process } from "../wire/lines";
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

/** Fold an event into its process; of one whose start was missed, the next list tells. */
export function tell(line: EventLine): void {
  if (line.channel !== CHANNEL) return;
  switch (line.event) {
    case "process_start": {
      const { pid, run_id, channel, node, tool, args, started } = line;
      return keep({ pid, run_id, channel, frame: line.frame ?? null, node, tool, args, started, status: "running", lines: [], left_out: 0, exit_code: null, ended: null });
    }
    case "process_line":
      return more(line.pid, (before) => ({ lines: [...before.lines, line.line] }));
    case "process_done": {
      const { status, lines, left_out, exit_code, ended } = line;
      return more(line.pid, () => ({ status, lines, left_out, exit_code, ended }));
    }
  }
}

function more(pid: string, news: (before: Process) => Partial<Process>): void {
  const before = known.get(pid);
  if (before) keep({ ...before, ...news(before) });
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
