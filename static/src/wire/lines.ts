/** What the sockets send, beyond the generated event types. */
import type { Event, FrameTraced, Json, TraceSummary } from "./types.gen";

export interface Snapshot {
  readonly event: "snapshot";
  readonly node: "runtime";
  readonly seq: number;
}

/** The reader fell behind what is kept: everything has to be read again. */
export interface Gap {
  readonly event: "gap";
  readonly type: "gap";
  readonly node: "runtime";
  readonly seq: number;
  readonly from: number;
  readonly to: number;
}

type Stamped<E> = E & { readonly seq: number; readonly ts: number };

/** An event as `/ws/trace` sends it. */
export type EventLine = Stamped<Event>;
export type TraceLine = EventLine | Snapshot | Gap;
export type TraceLineOf<Tag extends Event["event"]> = Stamped<Extract<Event, { event: Tag }>>;
export type Summary = FrameTraced["trace"] & TraceSummary;

export interface PendingRun {
  readonly run_id: string;
  readonly text: string;
  readonly position: number;
}

export interface HistoryMessage {
  readonly role: string;
  readonly content: string;
  readonly run_id?: string;
}

/** The run at work when the page came: `message` is what was asked, `said` all that was streamed so far. */
export interface ActiveRun {
  readonly run_id: string;
  readonly status: string;
  readonly message: string;
  readonly said: string;
}

/** A message of `/ws`. */
export type ChatLine = { readonly seq?: number } & (
  | {
      readonly type: "snapshot";
      readonly history: readonly HistoryMessage[];
      readonly controls: Json;
      readonly run: ActiveRun | null;
      readonly pending: readonly PendingRun[];
    }
  | { readonly type: "delta"; readonly content: string; readonly run_id: string }
  | { readonly type: "controls"; readonly controls: Json }
  | { readonly type: "done"; readonly run_id: string }
  | { readonly type: "cleared" }
  | { readonly type: "message"; readonly role: string; readonly text: string; readonly run_id: string }
  | { readonly type: "queued"; readonly run_id: string; readonly position: number }
  | { readonly type: "error"; readonly detail: string; readonly error?: string; readonly run_id?: string }
  | { readonly type: "gap" }
);

export interface TestResult {
  readonly step: string;
  readonly check: string;
  readonly status: string;
  readonly detail?: string;
  readonly run_id?: string;
  /** Of the suite's file. */
  readonly line?: number;
  readonly suite?: string;
}

export interface TestRecord {
  readonly running: boolean;
  readonly current: string;
  readonly results: readonly TestResult[];
  readonly last_green: Json;
  readonly last_red: Json;
  readonly total_expected: number;
  readonly stale?: boolean;
}

/** The latest run that ended; an empty object when there was none. */
export interface FinishedTests {
  readonly suites: readonly string[];
  readonly finished: number;
  readonly results: readonly TestResult[];
  readonly total_expected: number;
}

export interface Info {
  readonly version: string;
  readonly graph: string;
  readonly model: { readonly label: string; readonly builtin: boolean; readonly model: string };
  readonly identity: string;
  readonly data_file: string;
  readonly channel: string;
  readonly connect_hint: string;
}

export interface Divergence {
  readonly frame: number;
  readonly node: string;
  readonly field: string;
  readonly expected: Json;
  readonly got: Json;
}

export interface Verdict {
  readonly run_id: string;
  readonly replay_run_id: string;
  readonly verdict: "exact" | "diverged" | "incomplete";
  readonly matched: number;
  readonly total: number;
  readonly changed_revisions: Json;
  readonly divergence: Divergence | null;
}

export interface ProposedCheck {
  readonly line: number;
  readonly check: string;
  /** Mutations of the run on which it fails. */
  readonly fails_on: readonly string[];
  readonly vacuous: boolean;
}

/** A case made of a run. */
export interface CaseOf {
  readonly case: string;
  readonly cassette: Json;
  readonly checks: readonly ProposedCheck[];
}

/** The run that goes on with an interrupted one. */
export interface Resumed {
  readonly run_id: string;
  readonly resumed_from: string;
}

/** What the checks of a case said. */
export interface Judged {
  readonly passed: number;
  readonly failed: number;
}

export type Band = "same" | "time" | "changed" | "left" | "right";

/** One visit on both sides. */
export interface DiffRow {
  readonly band: Band;
  readonly frame: number;
  readonly node: string;
  readonly visit: number;
  readonly post: boolean;
  readonly ms: readonly [number | null, number | null];
  readonly differences: readonly { readonly field: string; readonly left: Json; readonly right: Json }[];
}

export interface DiffOf {
  readonly left: string;
  readonly right: string;
  readonly identical: boolean;
  readonly first_divergence: { readonly frame: number; readonly node: string; readonly field: string; readonly left: Json; readonly right: Json } | null;
  readonly cause: string | null;
  readonly frames: readonly DiffRow[];
  readonly deltas: { readonly tokens: number | null; readonly ms: number | null; readonly cost: number | null };
}

export interface Imported {
  readonly run_id: string;
  readonly imported_from: string;
  /** Code that it ran and that is not installed here as it was. */
  readonly missing: readonly string[];
}

/** A tool call that can be watched and stopped. */
export interface Process {
  readonly pid: string;
  readonly run_id: string;
  readonly channel: string;
  readonly frame: number | null;
  readonly node: string;
  readonly tool: string;
  readonly args: Json;
  readonly status: string;
  readonly lines: readonly string[];
  /** Lines it wrote beyond those that are kept. */
  readonly left_out: number;
  readonly exit_code: number | null;
  readonly started: number;
  readonly ended: number | null;
}

/** A file of the workspace that cannot be used. */
export interface Breakage {
  readonly file: string;
  readonly line: number | null;
  readonly cause: string;
}

export interface Workspace {
  readonly folder: string | null;
  readonly errors: readonly Breakage[];
  /** What else a person should know, such as that a restart is needed. */
  readonly notes: readonly string[];
}

/** A model server on this machine. */
export interface Offer {
  readonly name: string;
  readonly base_url: string;
  readonly models: readonly string[];
  /** The command that starts with it. */
  readonly use: string;
}

export interface Models {
  readonly active: { readonly label: string; readonly base_url: string; readonly model: string; readonly builtin: boolean };
  readonly offers: readonly Offer[];
}

/** One line, or a batch of them. */
export function lines(message: unknown): readonly TraceLine[] {
  return (Array.isArray(message) ? message : [message]) as readonly TraceLine[];
}
