/** Forks: what one would come to, what came of it, and taking its end over. */
import { signal } from "@preact/signals";
import { get, post } from "../wire/http";
import type { Summary, TraceLineOf } from "../wire/lines";
import type { Forked } from "../wire/types.gen";
import type { Change } from "../lib/whatif";

export interface Wish {
  readonly frame: number;
  readonly edits: readonly Change[];
  readonly post: boolean;
  readonly confirm: boolean;
  readonly dry_run: boolean;
}

const at = (run_id: string): string => `/api/traces/${encodeURIComponent(run_id)}`;

export const fork = (run_id: string, wish: Wish): Promise<Forked> => post<Forked>(`${at(run_id)}/fork`, wish);

export const promptsOf = async (run_id: string): Promise<Readonly<Record<string, string>>> =>
  (await get<{ prompts: Readonly<Record<string, string>> }>(`${at(run_id)}/prompts`)).prompts;

/** Files were read anew that the last message may have gone through: it can be run again with them. */
export const again = signal<{ readonly run_id: string; readonly files: readonly string[] } | null>(null);

const AT_WORK = /^(?:graphs|nodes|prompts|tools)\//;

/** Offer it for the newest message that has ended, unless a file is broken. */
export function offerAgain({ changed, errors }: TraceLineOf<"workspace">, known: readonly Summary[]): void {
  const files = changed.filter((file) => AT_WORK.test(file));
  const last = known.find((run) => run.kind === "message");
  again.value = files.length && errors.length === 0 && last ? { run_id: last.run_id, files } : null;
}
