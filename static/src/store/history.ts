/** The list of past runs, page by page, under the filter of the address. */
import { signal } from "@preact/signals";
import { numbered, shortId } from "../lib/format";
import { get } from "../wire/http";
import type { Summary } from "../wire/lines";
import { newest, remember, spoken } from "./runs";

export interface Page {
  readonly traces: readonly Summary[];
  readonly next: string | null;
}

const PAGE = 50;
export const past = signal<readonly Summary[]>([]);
export const more = signal<string | null>(null);
export const fault = signal("");
export const loaded = signal(false);

let turn = 0;
/** What `past` was searched with. */
let sought = "";

/** A page of the runs that a search finds; `#12` is run 12 alone. */
export async function page(q: string, before: string | null): Promise<Page> {
  const after = numbered(q, 1);
  if (after) {
    const { traces } = await get<Page>(`/api/traces?limit=1&before=${after}`);
    return { traces: traces.filter((run) => shortId(run.run_id) === q), next: null };
  }
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (before) query.set("before", before);
  if (q) query.set("q", q);
  return get<Page>(`/api/traces?${query}`);
}

/** Pages that were read further down, when they join on to what was found. */
function olderThan({ traces }: Page): readonly Summary[] {
  const last = traces.at(-1)?.run_id;
  const at = past.peek().findIndex((run) => run.run_id === last);
  return at < 0 ? [] : past.peek().slice(at + 1);
}

/** Read the first page again; a slower older answer never replaces a newer one. */
export async function search(q: string): Promise<void> {
  const mine = ++turn;
  try {
    const found = await page(q, null);
    if (mine !== turn) return;
    const older = q === sought ? olderThan(found) : [];
    past.value = [...found.traces, ...older];
    if (older.length === 0) more.value = found.next ?? null;
    sought = q;
    fault.value = "";
    remember(found.traces);
    if (!q && !newest.value) newest.value = spoken().find((t) => t.kind !== "replay" && t.kind !== "fork")?.run_id ?? "";
  } catch (error) {
    if (mine === turn) fault.value = error instanceof Error ? error.message : String(error);
  } finally {
    loaded.value = true;
  }
}

let reading = false;

export async function further(q: string): Promise<void> {
  const before = more.peek();
  if (!before || reading) return;
  reading = true;
  try {
    const found = await page(q, before);
    if (before !== more.peek() || q !== sought) return;
    past.value = [...past.value, ...found.traces];
    more.value = found.next ?? null;
    remember(found.traces);
  } finally {
    reading = false;
  }
}
