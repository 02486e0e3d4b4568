/**
 * What is held, and where a run is to be held. `GET /api/debug` is the truth: it is read at the start and
 * whenever a run of the page's channel turns; event `debug` says what holds from now on, whoever changed it.
 * An answer that was overtaken is thrown away.
 */
import { computed, signal } from "@preact/signals";
import { get, patch, post, put } from "../wire/http";
import type { EventLine, TraceLineOf } from "../wire/lines";
import type { Breakpoint, Debug } from "../wire/types.gen";
import type { Edit } from "../lib/edits";
import { shortId } from "../lib/format";
import { attempt, news } from "./notice";
import { CHANNEL, recall, working } from "./runs";
import type { Visit } from "./visits";

export const debug = signal<Debug | null>(null);
export const breakpoints = signal<readonly Breakpoint[]>([]);
/** The bar was asked for although there is nothing to tell yet. */
export const wanted = signal(false);
/** A run was let go, or is to be held, and has not come to its next stop yet. */
export const stepping = signal(false);

export const held = computed((): Debug | null => (debug.value?.held ? debug.value : null));
export const barShown = computed(() => wanted.value || stepping.value || held.value !== null || debug.value?.armed === true || breakpoints.value.length > 0);

/** Held runs are told a moment before their place can be asked for. */
const AGAIN_MS = 60;
let asked = 0;
/** How often it was told what holds. */
let told = 0;

async function look(): Promise<void> {
  const mine = ++asked;
  const now = await get<Debug>("/api/debug");
  if (mine !== asked) return;
  debug.value = now;
  if (now.held && now.run_id) void recall(now.run_id).catch(() => undefined);
  if (now.status === "paused" && !now.held) window.setTimeout(() => void look().catch(() => undefined), AGAIN_MS);
}

export async function load(): Promise<void> {
  await Promise.all([look(), take(get("/api/debug/breakpoints"))]);
}

/** Take an answer, unless something newer was told meanwhile. */
async function take(answer: Promise<readonly Breakpoint[]>): Promise<void> {
  const before = told;
  const all = await answer;
  if (told === before) breakpoints.value = all;
}

/** A run turned: it may be held now, or not any more. Or what holds was changed, here or elsewhere. */
export function tell(line: EventLine): void {
  if (line.channel !== CHANNEL) return;
  if (line.event === "debug" ? holds(line) : line.event === "run" && line.status !== "queued" && !stepping.peek()) void look().catch(() => undefined);
}

/** Take what holds from now on; whether what is held has to be asked for again: it may have been edited. */
function holds(line: TraceLineOf<"debug">): boolean {
  ++told;
  breakpoints.value = line.breakpoints as readonly Breakpoint[];
  const now = debug.peek();
  return now !== null && (now.held || now.armed !== line.armed) && !stepping.peek();
}

/** One verb of `/api/debug`; its answer is the state after it. */
async function verb(name: string, body: unknown = {}): Promise<void> {
  ++asked;
  const now = await post<Debug>(`/api/debug/${name}`, body);
  ++asked;
  debug.value = now;
  if (now.status === "paused" && !now.held) await look();
}

/** Let the run go: until it is held again, or has ended, the bar keeps its place. */
async function leave(name: string, body?: unknown): Promise<void> {
  if (stepping.peek()) return;
  stepping.value = true;
  try {
    await verb(name, body);
  } finally {
    stepping.value = false;
  }
}

export const pause = (): Promise<void> => attempt(leave("pause"));
export const resume = (): Promise<void> => attempt(verb("resume"));
export const finish = (): Promise<void> => attempt(verb("finish"));
export const drop = (): Promise<void> => attempt(verb("drop"));
export const step = (unit: "frame" | "node"): Promise<void> => attempt(leave("step", { unit }));
export const runTo = (frame: number): Promise<void> => attempt(leave("run_to", { frame }));

/** Write into what the held run goes on with; refused as a whole. */
export async function edit(edits: readonly Edit[]): Promise<void> {
  debug.value = await patch<Debug>("/api/debug/pending", { edits });
}

let changing: Promise<void> = Promise.resolve();

/** Replace the breakpoints by what `how` makes of those that are left by the change before; the server names new ones. */
export function changeBreakpoints(how: (all: readonly Breakpoint[]) => readonly Partial<Breakpoint>[]): Promise<void> {
  const mine = changing.then(() => take(put("/api/debug/breakpoints", how(breakpoints.peek()))));
  changing = mine.catch(() => undefined);
  return mine;
}

/** Breakpoints that hold at a node and nothing else: those a dot in the graph stands for. */
const plain = (one: Breakpoint, node: string): boolean => one.node === node && one.frame === null && !one.when && !one.on;

export const dotsOf = (node: string): readonly Breakpoint[] => breakpoints.value.filter((one) => one.node === node);

/** Take away those that are meant, or add one when there is none; whether one was added. */
async function flip(meant: (one: Breakpoint) => boolean, fresh: Partial<Breakpoint>): Promise<boolean> {
  let adds = false;
  await changeBreakpoints((all) => {
    const rest = all.filter((one) => !meant(one));
    adds = rest.length === all.length;
    return adds ? [...all, fresh] : rest;
  });
  return adds;
}

export const toggle = (node: string, at: Breakpoint["at"]): Promise<void> =>
  attempt(flip((one) => plain(one, node) && one.at === at, { at, node }));

/** Those that hold every run where it departs from that one. */
const departing = (one: Breakpoint, run_id: string): boolean =>
  one.enabled && one.on === "divergence" && one.baseline === run_id && one.node === null && one.frame === null && !one.when;

export const isBaseline = (run_id: string): boolean => breakpoints.value.some((one) => departing(one, run_id));

/** Hold runs where they first depart from this one, or do so no more. */
export const toggleBaseline = (run_id: string): Promise<void> =>
  attempt(
    flip((one) => departing(one, run_id), { on: "divergence", baseline: run_id }).then((added) => {
      const run = shortId(run_id);
      news.value = added ? `A run is held where it first departs from ${run}.` : `Runs may depart from ${run} again.`;
    }),
  );

/** Whether a visit is where the run is held. */
export const isHeld = (visit: Visit, run_id: string): boolean => {
  const now = held.value;
  return now !== null && now.run_id === run_id && now.frame === visit.frame && now.node === visit.node;
};

/** Where a run is held, in words. */
export function placeOf(now: Debug): string {
  const where = [`frame ${now.frame ?? "—"}`, now.node].filter(Boolean).join(" · ");
  return now.effect_id ? `at an effect of ${where}` : `${now.at ?? "before"} ${where}`;
}

/** For the title of the page's tab. */
export const title = computed((): string => {
  if (held.value) return `‖ held ${placeOf(held.value)} — Framescope`;
  return working.value ? `● ${working.value.status} — Framescope` : "Framescope";
});
