/** The user's own folder: which of its files are broken, and what was read anew. */
import { computed, signal } from "@preact/signals";
import { get } from "../wire/http";
import type { Breakage, TraceLineOf, Workspace } from "../wire/lines";
import { tracePhase } from "./connection";
import { news } from "./notice";

export const workspace = signal<Workspace | null>(null);
/** The breakages that were put aside, as they were then. */
const aside = signal("");

const breakages = computed((): readonly Breakage[] => workspace.value?.errors ?? []);
const state = computed(() => JSON.stringify(breakages.value));

export const broken = computed(() => breakages.value.length);
/** What the banner shows: nothing while it is put aside, all of it when anything about it changes. */
export const told = computed((): readonly Breakage[] => (aside.value === state.value ? [] : breakages.value));

export const putAside = (): void => {
  aside.value = state.value;
};
export const bringBack = (): void => {
  aside.value = "";
};

export async function load(): Promise<void> {
  workspace.value = await get<Workspace>("/api/workspace");
}

const LISTED = 3;

/** The folder was read again: every breakage is told anew, and what works now is told shortly. */
export function reread({ folder, changed, errors, notes }: TraceLineOf<"workspace">): void {
  bringBack();
  workspace.value = { folder, errors: errors as readonly Breakage[], notes };
  // What is read back when the page opens is no news.
  if (changed.length === 0 || errors.length || tracePhase.peek().is !== "open") return;
  const more = changed.length > LISTED ? ` and ${changed.length - LISTED} more` : "";
  news.value = `Reloaded: ${changed.slice(0, LISTED).join(", ")}${more}`;
}
