/** The conversation: what was said, what streams, what waits. */
import { computed, signal } from "@preact/signals";
import type { ActiveRun, ChatLine, HistoryMessage, PendingRun } from "../wire/lines";
import { items } from "../lib/json";
import { pulse } from "./pulse";

export interface Message {
  readonly key: number;
  readonly role: string;
  text: string;
  readonly run_id: string;
  /** Finished text is rendered once and then left alone. */
  done: boolean;
  readonly fault?: boolean;
}

const { version, bump } = pulse();
let keys = 0;
let messages: Message[] = [];
let waiting: PendingRun[] = [];

/** What the page shows beside the chat; told to the server with every message and click. */
export const controls = signal<readonly unknown[]>([]);
/** The button that was clicked, until something came of it. */
export const clicked = signal<unknown>(null);
export const ready = signal(false);

const make = (role: string, text: string, run_id: string, done: boolean): Message => ({ key: ++keys, role, text, run_id, done });

export const said = computed((): readonly Message[] => {
  version.value;
  return [...messages];
});

/** Runs of which the conversation shows more than the question. */
export const answered = computed((): ReadonlySet<string> => new Set(said.value.flatMap((m) => (m.role === "user" ? [] : m.run_id))));

export const pending = computed((): readonly PendingRun[] => {
  version.value;
  return [...waiting].sort((a, b) => a.position - b.position);
});

function streamed(run_id: string): Message | undefined {
  for (let i = messages.length - 1; i >= 0; i--) {
    const message = messages[i] as Message;
    if (message.role === "assistant" && message.run_id === run_id) return message;
  }
  return undefined;
}

/** An answer stands under its own question, also when others were asked meanwhile. */
function add(message: Message): void {
  const at = message.run_id ? messages.findLastIndex((one) => one.run_id === message.run_id) : -1;
  messages.splice(at < 0 ? messages.length : at + 1, 0, message);
}

function delta(run_id: string, text: string): void {
  const open = streamed(run_id);
  if (open && !open.done) open.text += text;
  else if (!open) add(make("assistant", text, run_id, false));
}

function heard(role: string, text: string, run_id: string): void {
  if (role !== "assistant") {
    if (role === "user" && messages.some((m) => m.role === "user" && m.run_id === run_id && run_id)) return;
    add(make(role, text, run_id, true));
    return;
  }
  const open = streamed(run_id);
  if (!open) add(make(role, text, run_id, true));
  else open.text = text;
}

/** Whether the question of a run is in the conversation. */
export const hasQuestion = (run_id: string): boolean => messages.some((message) => message.role === "user" && message.run_id === run_id);

/** A run began or ended: it does not wait any more, and those behind it move up. */
export function unqueue(run_id: string): void {
  const gone = waiting.find((run) => run.run_id === run_id);
  if (!gone) return;
  waiting = waiting
    .filter((run) => run !== gone)
    .map((run) => (run.position > gone.position ? { ...run, position: run.position - 1 } : run));
  bump();
}

/** No more text will come for this run. */
export function finish(run_id: string): void {
  clicked.value = null;
  const open = streamed(run_id);
  if (open && !open.done) {
    open.done = true;
    bump();
  }
}

/** What of a run is needed to recognise its message. */
interface Asked {
  readonly run_id: string;
  readonly kind: string;
  readonly message: string;
}

/** The stored conversation names no runs: walk back through both and join what fits. */
export function link(runs: readonly Asked[]): void {
  const own = runs.filter((run) => run.kind === "message");
  let at = 0;
  for (let i = messages.length - 1; i >= 0; i--) {
    const message = messages[i] as Message;
    if (message.role !== "user") continue;
    const found = own.findIndex((run, index) =>
      message.run_id ? run.run_id === message.run_id : index >= at && message.text.startsWith(run.message),
    );
    const run_id = own[found]?.run_id;
    if (run_id === undefined) continue;
    at = found + 1;
    for (let j = i; j < messages.length && (j === i || messages[j]?.role !== "user"); j++) {
      const one = messages[j] as Message;
      if (!one.run_id) messages[j] = { ...one, run_id };
    }
  }
  bump();
}

/** How many turns a snapshot brings at most; the server may keep more. */
export const WINDOW = 40;
/** What the conversation began with when it was read: the place where earlier turns belong. */
let opening: readonly HistoryMessage[] = [];
export const cut = signal(false);

/** Put in front what the store has from before the first message here. */
export function earlier(history: readonly HistoryMessage[]): void {
  if (!cut.peek()) return; // asked for twice
  const begins = (at: number): boolean =>
    opening.every((turn, i) => history[at + i]?.content === turn.content && history[at + i]?.role === turn.role);
  let at = history.length - opening.length;
  while (at > 0 && !begins(at)) at--;
  messages.unshift(...history.slice(0, Math.max(0, at)).map((turn) => make(turn.role, turn.content, turn.run_id ?? "", true)));
  cut.value = false;
  bump();
}

export function replaceHistory(history: readonly HistoryMessage[]): void {
  messages = history.map((turn) => make(turn.role, turn.content, turn.run_id ?? "", true));
  opening = history;
  cut.value = history.length >= WINDOW;
  ready.value = true;
  bump();
}

function atWork(run: ActiveRun): void {
  heard("user", run.message, run.run_id);
  if (run.said) delta(run.run_id, run.said);
}

export function hear(line: ChatLine): void {
  switch (line.type) {
    case "snapshot":
      replaceHistory(line.history);
      controls.value = items(line.controls);
      waiting = [...line.pending];
      if (line.run) atWork(line.run);
      break;
    case "delta":
      unqueue(line.run_id);
      delta(line.run_id, line.content);
      break;
    case "controls":
      controls.value = items(line.controls);
      clicked.value = null;
      break;
    case "done":
      finish(line.run_id);
      break;
    case "cleared":
      replaceHistory([]);
      waiting = [];
      controls.value = [];
      break;
    case "message":
      heard(line.role, line.text, line.run_id);
      break;
    case "queued": {
      const text = messages.find((m) => m.run_id === line.run_id)?.text ?? "";
      waiting = [...waiting.filter((run) => run.run_id !== line.run_id), { run_id: line.run_id, text, position: line.position }];
      break;
    }
    case "error":
      finish(line.run_id ?? "");
      add({ ...make("error", line.detail, line.run_id ?? "", true), fault: true });
      break;
    case "gap":
      break;
  }
  bump();
}
