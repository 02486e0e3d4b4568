/** Sealed replays asked for on this page, and their verdicts. */
import { signal } from "@preact/signals";
import { post } from "../wire/http";
import type { Verdict } from "../wire/lines";

export type Replay = { readonly is: "running" } | { readonly is: "done"; readonly verdict: Verdict } | { readonly is: "failed"; readonly text: string };

export const replays = signal<ReadonlyMap<string, Replay>>(new Map());

const set = (run_id: string, replay: Replay): void => {
  replays.value = new Map(replays.value).set(run_id, replay);
};

export async function replay(run_id: string): Promise<void> {
  if (replays.value.get(run_id)?.is === "running") return;
  set(run_id, { is: "running" });
  try {
    set(run_id, { is: "done", verdict: await post<Verdict>(`/api/traces/${encodeURIComponent(run_id)}/replay`) });
  } catch (error) {
    set(run_id, { is: "failed", text: error instanceof Error ? error.message : String(error) });
  }
}
