/** Going on with a run that a crash cut, and what the server wants to know before. */
import { signal } from "@preact/signals";
import { post, Refused } from "../wire/http";
import type { Resumed } from "../wire/lines";
import type { Effect } from "../wire/types.gen";

/** What became of a write that was cut off. */
export type Outcome = { readonly unknown: "run" | "fail" } | { readonly unknown: "done"; readonly result: unknown };

export interface Refusal {
  readonly run_id: string;
  /** Of the server's error; empty when it could not be asked. */
  readonly slug: string;
  readonly text: string;
}

/** Why the last run that was to go on does not yet. */
export const refusal = signal<Refusal | null>(null);
/** The run that is being asked for. */
export const resuming = signal("");

/** The id of the run that goes on with it; empty when `refusal` says why there is none. */
export async function resume(run_id: string, outcome?: Outcome, back = false): Promise<string> {
  if (resuming.peek()) return "";
  resuming.value = run_id;
  try {
    if (back) await post("/api/head", { run_id });
    const gone = await post<Resumed>(`/api/runs/${encodeURIComponent(run_id)}/resume`, outcome);
    refusal.value = null;
    return gone.run_id;
  } catch (error) {
    refusal.value = { run_id, slug: error instanceof Refused ? error.slug : "", text: error instanceof Error ? error.message : String(error) };
    return "";
  } finally {
    resuming.value = "";
  }
}

/** The tool calls that are asked about, of those of the run. */
export const callsIn = ({ text }: Refusal, effects: readonly Effect[]): readonly Effect[] =>
  effects.filter((effect) => text.includes(`(${effect.effect_id})`));

/** A run that is named in a refusal beside the refused one: it went on as that. */
export const followerIn = ({ run_id, text }: Refusal): string =>
  [...text.matchAll(/r-\d+-[0-9a-f]{4}/g)].map(([id]) => id).find((id) => id !== run_id) ?? "";
