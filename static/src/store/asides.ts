/**
 * Runs at work beside the conversation: forks, replays, cases, other channels. Event `run` says that one has begun
 * or ended, the list says what it is of. Those that end before the list is read never show.
 */
import { signal } from "@preact/signals";
import { get } from "../wire/http";
import type { EventLine } from "../wire/lines";
import { CHANNEL } from "./runs";

export interface Aside {
  readonly run_id: string;
  readonly kind: string;
  readonly status: string;
  readonly channel: string;
  readonly text: string;
  readonly fork_of?: string;
  readonly replay_of?: string;
}

const LIST_MS = 150;
const MOST = 200;

export const asides = signal<readonly Aside[]>([]);

let asked = 0;
let listing: number | undefined;

export async function load(): Promise<void> {
  const mine = ++asked;
  const { runs } = await get<{ runs: readonly Aside[] }>(`/api/runs?status=running&limit=${MOST}`);
  if (mine === asked) asides.value = runs.filter((run) => run.channel !== CHANNEL && run.status === "running");
}

/** Many may begin and end at once; the list is read once for all of them. */
export function tell(line: EventLine): void {
  if (line.event !== "run" || line.channel === CHANNEL) return;
  listing ??= window.setTimeout(() => {
    listing = undefined;
    void load().catch(() => undefined);
  }, LIST_MS);
}
