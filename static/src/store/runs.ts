/** Runs: told live by the trace socket, listed from the store, opened in full on demand. */
import { computed, effect, signal } from "@preact/signals";
import { get, Refused } from "../wire/http";
import type { EventLine, Summary } from "../wire/lines";
import type { FrameTrace } from "../wire/types.gen";
import { Large, type Skeleton } from "./large";
import { place } from "./place";
import { pulse } from "./pulse";
import { begin, closed, type LiveRun, opened, type RunView, viewOfLive, viewOfSummary, viewOfTrace, type Visit } from "./visits";

const { version, bump } = pulse();
const LIVE_KEPT = 200;
const FULL_KEPT = 24;
const ASIDE = new Set(["replay", "fork"]);
/** The channel of the page; what runs elsewhere is listed, but neither followed nor part of the conversation. */
export const CHANNEL = "main";
const ACTIVE = new Set(["running", "paused", "waiting"]);

const live = new Map<string, LiveRun>();
const full = new Map<string, FrameTrace>();
const large = new Map<string, Large>();
const listed = new Map<string, Summary>();

export const newest = signal("");
export const loadFault = signal<{ run: string; text: string } | null>(null);

function liveRun(run_id: string): LiveRun {
  const known = live.get(run_id);
  if (known) return known;
  const fresh = begin(run_id);
  live.set(run_id, fresh);
  if (live.size > LIVE_KEPT) live.delete(live.keys().next().value as string);
  return fresh;
}

/** Fold one event into its run. */
export function tell(line: EventLine): void {
  if (!line.run_id) return;
  const run = liveRun(line.run_id);
  switch (line.event) {
    case "run":
      run.kind = line.kind;
      run.message = line.message;
      run.status = line.status;
      run.graph = line.graph || run.graph;
      run.error = line.error ?? "";
      if (line.status === "running") run.started ??= line.ts;
      if (!ASIDE.has(line.kind) && line.channel === CHANNEL && ACTIVE.has(line.status)) newest.value = line.run_id;
      break;
    case "frame_open":
      opened(run, line);
      break;
    case "frame_close":
      closed(run, line);
      break;
    case "thinking":
      run.thought = line.text;
      break;
    case "loop_lag":
      run.lag = Math.max(run.lag, line.lag_ms);
      break;
    case "frame_trace":
      run.summary = line.trace as Summary;
      listed.set(line.run_id, run.summary);
      if (run.status === "running" || run.status === "queued") run.status = run.summary.outcome;
      full.delete(line.run_id);
      large.delete(line.run_id);
      if (shownId.peek() === line.run_id) void open(line.run_id, true);
      break;
    default:
      return;
  }
  bump();
}

/** A run at work may have begun before what was told of it: its first frames are read from the store. */
export async function recall(run_id: string): Promise<void> {
  if (run_id > newest.peek()) newest.value = run_id;
  const told = live.get(run_id);
  if (told?.visits[0]?.frame === 1 && told.status !== "queued") return;
  join(await get<FrameTrace>(`/api/traces/${encodeURIComponent(run_id)}`));
}

/** Put what is stored of a run at work before what was told of it. */
function join(trace: FrameTrace): void {
  const run = liveRun(trace.run_id);
  run.kind = trace.kind;
  run.message = trace.message;
  run.graph = trace.graph;
  run.started = trace.started;
  if (run.status === "queued") run.status = trace.outcome;
  const isTold = (one: Visit): boolean => run.visits.some((visit) => visit.frame === one.frame && visit.node === one.node && visit.post === one.post);
  run.visits = [...viewOfTrace(trace).visits.filter((visit) => !isTold(visit)), ...run.visits];
  bump();
}

/** Events were missed: what was told live may be half the story. */
export function distrust(): void {
  live.clear();
  bump();
  if (shownId.peek()) void open(shownId.peek(), true);
}

export function remember(summaries: readonly Summary[]): void {
  for (const summary of summaries) listed.set(summary.run_id, summary);
  bump();
}

/** The recorded runs that are known, newest first: a run is among them with its last event. */
export const recorded = (): readonly Summary[] => [...listed.values()].sort((a, b) => (a.run_id < b.run_id ? 1 : -1));

/** Those of the page's conversation. */
export const spoken = (): readonly Summary[] => recorded().filter((run) => run.channel === CHANNEL);

export const shownId = computed(() => place.value.run || newest.value);

/** What is known of a run; whoever asks while drawing is drawn again when more is. */
export const known = (run_id: string): RunView | null => {
  version.value;
  const trace = full.get(run_id);
  if (trace) return viewOfTrace(trace);
  const big = large.get(run_id);
  if (big) return big.view;
  const told = live.get(run_id);
  if (told?.summary || told?.visits.length) return viewOfLive(told);
  const summary = listed.get(run_id);
  if (summary) return viewOfSummary(summary);
  return told ? viewOfLive(told) : null;
};

/** How long a run blocked the event loop: told live only. */
export const lagOf = (run_id: string): number => {
  version.value;
  return live.get(run_id)?.lag ?? 0;
};

/** The run on the page. */
export const shown = computed((): RunView | null => (shownId.value ? known(shownId.value) : null));

function atWork(): LiveRun | null {
  version.value;
  const run = live.get(newest.value);
  return run && ACTIVE.has(run.status) ? run : null;
}

const workingId = computed(() => atWork()?.run_id ?? "");
const workingStatus = computed(() => atWork()?.status ?? "");

/** The run that is at work in the channel, if any. A live run grows in place, so only what readers need is handed on. */
export const working = computed((): { readonly run_id: string; readonly status: string } | null =>
  workingId.value ? { run_id: workingId.value, status: workingStatus.value } : null,
);

/** The nodes at work, and what the newest of them said about it. */
export const doing = computed((): string => {
  const run = atWork();
  if (!run) return "";
  const nodes = run.visits.filter((visit) => visit.duration === null).map((visit) => visit.node);
  return [nodes.join(" + ") || run.status, run.thought].filter(Boolean).join(": ");
});

export const matches = (visit: Visit, at = place.value): boolean =>
  visit.frame === at.frame && visit.node === at.node && visit.visit === at.visit;

export const selected = computed((): Visit | null => shown.value?.visits.find((visit) => matches(visit, place.value)) ?? null);

const asked = new Set<string>();

/** Until its last event has come, a run's stored trace may still lack what was told. */
const unfinished = (run_id: string): boolean => live.has(run_id) && !live.get(run_id)?.summary;

/** Read the full trace, `again` when a request under way may be too early. */
export async function open(run_id: string, again = false): Promise<void> {
  if (full.has(run_id) || large.has(run_id) || (asked.has(run_id) && !again)) return;
  asked.add(run_id);
  try {
    const trace = await get<FrameTrace | Skeleton>(`/api/traces/${encodeURIComponent(run_id)}?skeleton=1`);
    if (!("skeleton" in trace) && ACTIVE.has(trace.outcome)) join(trace);
    else if (!unfinished(run_id)) keep(trace);
    if (loadFault.peek()?.run === run_id) loadFault.value = null;
  } catch (error) {
    const early = error instanceof Refused && error.status === 404 && live.has(run_id);
    if (!early) loadFault.value = { run: run_id, text: error instanceof Error ? error.message : String(error) };
  } finally {
    asked.delete(run_id);
  }
}

function keep(trace: FrameTrace | Skeleton): void {
  if ("skeleton" in trace) hold(large, trace.run_id, new Large(trace));
  else hold(full, trace.run_id, trace);
  bump();
}

function hold<T>(kept: Map<string, T>, run_id: string, one: T): void {
  kept.set(run_id, one);
  if (kept.size > FULL_KEPT) kept.delete(kept.keys().next().value as string);
}

/** Of a large run, the contents of a frame are read when it is looked at. */
export async function look(run_id: string, frame: number): Promise<void> {
  try {
    if (await large.get(run_id)?.look(frame)) bump();
  } catch (error) {
    loadFault.value = { run: run_id, text: error instanceof Error ? error.message : String(error) };
  }
}

export function start(): void {
  effect(() => {
    if (shownId.value) void open(shownId.value);
  });
  effect(() => {
    const visit = selected.value;
    if (visit && !visit.record) void look(shownId.value, visit.frame);
  });
}
