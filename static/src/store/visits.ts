/** One shape for a run, whether it is told live, as a summary, or as the full trace. */
import type { Summary, TraceLineOf } from "../wire/lines";
import type { Effect, Envelope, FrameRecord, FrameTrace, SummaryRow } from "../wire/types.gen";
import { oneLine, pretty } from "../lib/format";

export interface Visit {
  readonly frame: number;
  readonly node: string;
  readonly visit: number;
  readonly post: boolean;
  readonly started: number;
  /** `null` while it runs. */
  readonly duration: number | null;
  readonly input: string;
  readonly output: string;
  readonly route: string;
  readonly condition: string;
  readonly error: string;
  /** Only in a full trace. */
  readonly record?: FrameRecord;
  readonly effects?: readonly Effect[];
}

export interface RunView {
  readonly run_id: string;
  readonly kind: string;
  readonly message: string;
  readonly graph: string;
  readonly revision: string;
  readonly status: string;
  readonly path: string;
  readonly started: number | null;
  readonly total_ms: number | null;
  readonly total_frames: number | null;
  readonly tokens: number | null;
  readonly cost: number | null;
  readonly error: string;
  readonly visits: readonly Visit[];
  readonly response: string;
  /** The run it was in the installation that recorded it; empty for one of this one. */
  readonly imported_from: string;
  readonly trace: FrameTrace | null;
}

const FINAL: ReadonlySet<string> = new Set(["done", "error", "cancelled", "interrupted"]);

/** Nothing more will come of it. */
export const ended = (run: RunView): boolean => FINAL.has(run.status);

/** The same of a run that is listed. */
export const isOver = (run: Summary): boolean => FINAL.has(run.outcome);

/** Kinds that are in no conversation: an interrupted one is begun again. */
const ALONE: ReadonlySet<string> = new Set(["replay", "fork", "import", "test"]);

/** It was cut by the end of the process, and can go on as a new run. */
export const resumable = (run: RunView): boolean => run.status === "interrupted" && !ALONE.has(run.kind);

/** What is told while it happens; grown in place, the version signal says when. */
export interface LiveRun {
  run_id: string;
  kind: string;
  message: string;
  status: string;
  graph: string;
  error: string;
  started: number | null;
  visits: Visit[];
  thought: string;
  /** The longest this run's code kept the event loop, if that was noticed. */
  lag: number;
  summary: Summary | null;
}

export const begin = (run_id: string): LiveRun => ({
  run_id, kind: "message", message: "", status: "queued", graph: "", error: "", started: null,
  visits: [], thought: "", lag: 0, summary: null,
});

export function opened(run: LiveRun, line: TraceLineOf<"frame_open">): void {
  const frame = line.frame ?? 0;
  for (const node of line.nodes) {
    const before = run.visits.filter((visit) => visit.node === node && visit.post === Boolean(line.post));
    if (before.some((visit) => visit.frame === frame)) continue;
    run.visits.push({
      frame, node, visit: before.length + 1, post: line.post ?? false, started: line.ts, duration: null,
      input: "", output: "", route: "", condition: "", error: "",
    });
  }
}

export function closed(run: LiveRun, line: TraceLineOf<"frame_close">): void {
  const post = line.post ?? false;
  const at = run.visits.findIndex((v) => v.frame === line.frame && v.node === line.node && v.post === post);
  const before = run.visits[at];
  const after: Visit = {
    frame: line.frame ?? 0, node: line.node, visit: line.visit, post,
    started: before?.started ?? line.ts - line.duration_ms, duration: line.duration_ms,
    input: before?.input ?? "", output: line.output,
    route: line.route ?? "", condition: line.condition ?? "", error: line.error ?? "",
  };
  if (at < 0) run.visits.push(after);
  else run.visits[at] = after;
}

const fromRow = (post: boolean) => (row: SummaryRow): Visit => ({ ...row, duration: row.duration_ms, post });

export function preview(envelope: Envelope | null | undefined, said = ""): string {
  if (!envelope) return oneLine(said);
  if (envelope.text) return oneLine(envelope.text);
  return oneLine(said || (envelope.data ? pretty(envelope.data) : ""));
}

function fromRecord(post: boolean, effects: ReadonlyMap<string, Effect>) {
  return (record: FrameRecord): Visit => ({
    frame: record.frame, node: record.node, visit: record.visit, post,
    started: record.started, duration: record.duration_ms,
    input: preview(record.input), output: preview(record.output, record.said),
    route: record.route ?? "", condition: record.condition ?? "", error: record.error ?? "",
    record,
    effects: (record.effects ?? []).flatMap((id) => effects.get(id) ?? []),
  });
}

export function viewOfLive(run: LiveRun): RunView {
  const summary = run.summary;
  if (!summary) {
    return {
      ...run, visits: [...run.visits], // the run's own list goes on growing: who watched it would see no change
      revision: "", path: "", total_ms: null, total_frames: null, tokens: null, cost: null, response: "", imported_from: "", trace: null,
    };
  }
  return { ...viewOfSummary(summary), status: run.status, error: run.error };
}

const views = new WeakMap<object, RunView>();

/** A finished run never changes, so neither does its view. */
function once<T extends object>(source: T, make: (source: T) => RunView): RunView {
  let view = views.get(source);
  if (!view) {
    view = make(source);
    views.set(source, view);
  }
  return view;
}

export const viewOfSummary = (summary: Summary): RunView => once(summary, summarized);
export const viewOfTrace = (trace: FrameTrace): RunView => once(trace, told);

function summarized(summary: Summary): RunView {
  return {
    error: "", response: "", imported_from: "", ...summary, status: summary.outcome, trace: null,
    visits: [...summary.frames.map(fromRow(false)), ...summary.post_frames.map(fromRow(true))],
  };
}

export function totals(effects: readonly Effect[]): { tokens: number | null; cost: number | null } {
  const calls = effects.filter((effect) => effect.kind === "model");
  const unknownUse = calls.some((call) => !call.usage);
  const unknownCost = calls.some((call) => call.cost === null || call.cost === undefined);
  return {
    tokens: unknownUse ? null : calls.reduce((n, c) => n + (c.usage?.prompt_tokens ?? 0) + (c.usage?.completion_tokens ?? 0), 0),
    cost: unknownCost ? null : calls.reduce((n, c) => n + (c.cost ?? 0), 0),
  };
}

function told(trace: FrameTrace): RunView {
  const effects = new Map((trace.effects ?? []).map((effect) => [effect.effect_id, effect]));
  return {
    ...totals(trace.effects ?? []),
    run_id: trace.run_id, kind: trace.kind, message: trace.message, graph: trace.graph,
    revision: trace.revision, status: trace.outcome, path: trace.path, started: trace.started,
    total_ms: trace.total_ms, total_frames: trace.total_frames, error: trace.error ?? "",
    response: trace.response ?? "", imported_from: trace.imported_from ?? "", trace,
    visits: [
      ...(trace.frames ?? []).map(fromRecord(false, effects)),
      ...(trace.post_frames ?? []).map(fromRecord(true, effects)),
    ],
  };
}

/** The contents that were read of some frames, put into the visits of a run. */
export function detailed(run: RunView, read: ReadonlyMap<number, { readonly frames: readonly FrameRecord[]; readonly post_frames: readonly FrameRecord[]; readonly effects: readonly Effect[] }>): RunView {
  const whole = (visit: Visit): Visit => {
    const parts = read.get(visit.frame);
    const record = (visit.post ? parts?.post_frames : parts?.frames)?.find((one) => one.node === visit.node && one.visit === visit.visit);
    return parts && record ? fromRecord(visit.post, new Map(parts.effects.map((effect) => [effect.effect_id, effect])))(record) : visit;
  };
  return { ...run, visits: run.visits.map(whole) };
}
