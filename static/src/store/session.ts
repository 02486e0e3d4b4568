/** Wires the sockets to the stores, reads everything once, and polls while sockets are blocked. */
import { effect, signal } from "@preact/signals";
import { items } from "../lib/json";
import { get, post, Refused } from "../wire/http";
import { type ChatLine, type EventLine, type HistoryMessage, type Info, lines, type TestRecord, type TraceLine, type TraceLineOf } from "../wire/lines";
import { address, LiveSocket } from "../wire/socket";
import * as asides from "./asides";
import { controls, earlier, finish, hasQuestion, hear, link, replaceHistory, unqueue } from "./chat";
import * as connection from "./connection";
import * as debug from "./debug";
import * as events from "./events";
import { again, offerAgain } from "./forks";
import * as graph from "./graph";
import * as history from "./history";
import * as memory from "./memory";
import * as models from "./models";
import { news } from "./notice";
import { follow, place } from "./place";
import * as processes from "./processes";
import * as runs from "./runs";
import * as tests from "./tests";
import { record } from "./tests";
import * as workspace from "./workspace";

export const info = signal<Info | null>(null);
const BACKLOG = 300;
const POLL_MS = 500;

let chatSeq: number | null = null;
/** The run that was at work when the conversation was read: what it did before that was not told. */
let halfSeen = "";

function take(line: TraceLine): void {
  if (!events.note(line)) return;
  if (line.event === "gap") resync();
  if (line.event === "gap" || line.event === "snapshot") return;
  runs.tell(line);
  processes.tell(line);
  asides.tell(line);
  debug.tell(line);
  apply(line);
}

const LIST_MS = 150;
let listing: number | undefined;

/** Many runs may end at once; the list is read once for all of them. */
function listAgain(): void {
  listing ??= window.setTimeout(() => {
    listing = undefined;
    void history.search(place.peek().q);
  }, LIST_MS);
}

/** Events that concern more than their run. */
function apply(line: EventLine): void {
  if (line.event === "frame_trace") listAgain();
  if (line.event === "workspace") rereadWorkspace(line);
  if (line.channel !== runs.CHANNEL) return;
  if (line.event === "updated") memory.update(line.memory);
  else if (line.event === "graph_switched") void refreshGraph();
  else if (line.event === "controls" && connection.chatPhase.peek().is !== "open") controls.value = items(line.controls);
  else if (line.event === "frame_trace" && line.run_id === halfSeen) renew();
  else if (line.event === "run" && line.status !== "queued") {
    // It takes the place of the run that was cut: its question and what that had said are told anew.
    if (line.kind === "resume" && line.status === "running" && connection.chatPhase.peek().is === "open" && !hasQuestion(line.run_id)) renew();
    if (line.status === "running") again.value = null;
    unqueue(line.run_id);
    if (line.status !== "running") finish(line.run_id);
  }
}

/** Files changed on disk: graphs may have come, gone, or have a new revision. */
function rereadWorkspace(line: TraceLineOf<"workspace">): void {
  workspace.reread(line);
  if (connection.tracePhase.peek().is === "open") offerAgain(line, runs.spoken());
  void refreshGraph();
}

const chat = new LiveSocket({
  url: () => address("/ws", { since: chatSeq }),
  onMessage: (message) => {
    const line = message as ChatLine;
    if (line.type === "gap") {
      return renew();
    }
    if (line.seq !== undefined) chatSeq = line.seq;
    hear(line);
    if (line.type !== "snapshot") return;
    halfSeen = line.run?.run_id ?? "";
    if (line.run) void quietly(runs.recall(line.run.run_id));
    link(runs.spoken());
  },
  onPhase: (phase) => {
    connection.chatPhase.value = phase;
  },
});

const trace = new LiveSocket({
  url: () => address("/ws/trace", { batch: 1, since: events.newestSeq() }),
  onMessage: (message) => lines(message).forEach(take),
  onPhase: (phase) => {
    connection.tracePhase.value = phase;
  },
});

function hearTests(next: TestRecord): void {
  const ended = record.peek()?.running === true && !next.running;
  record.value = next;
  if (ended) void quietly(tests.load());
}

const test = new LiveSocket({
  url: () => address("/ws/test", {}),
  onMessage: (message) => hearTests(message as TestRecord),
  onPhase: (phase) => {
    connection.testPhase.value = phase;
  },
});

/** Read the conversation anew: without a number the server sends all of it. */
function renew(): void {
  chatSeq = null;
  halfSeen = "";
  chat.restart();
}

/** Something was missed: read again what events would have told. */
function resync(): void {
  runs.distrust();
  void refreshGraph();
  void quietly(memory.load());
  void quietly(processes.load());
  void quietly(asides.load());
  void quietly(debug.load());
  void quietly(workspace.load());
  void history.search(place.value.q);
}

async function quietly(what: Promise<unknown>): Promise<void> {
  try {
    await what;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) connection.denied.value = true;
  }
}

const refreshGraph = (): Promise<void> => quietly(graph.load());

async function readConversation(): Promise<void> {
  const said = await get<{ messages: readonly HistoryMessage[] }>("/api/history?last=200");
  replaceHistory(said.messages);
}

/** Read what was said before the part that the socket brought. */
export async function readEarlier(): Promise<void> {
  earlier((await get<{ messages: readonly HistoryMessage[] }>("/api/history?last=1000")).messages);
  link(runs.spoken());
}

async function readBacklog(count: number): Promise<void> {
  const told = await get<{ lines: readonly TraceLine[] }>(`/api/trace?last=${count}`);
  told.lines.forEach(take);
}

export async function start(): Promise<void> {
  runs.start();
  effect(() => {
    history.past.value;
    link(runs.spoken());
  });
  try {
    info.value = await get<Info>("/api/info");
  } catch (error) {
    if (error instanceof Refused && error.status === 401) {
      connection.denied.value = true;
      return;
    }
  }
  if (info.value?.model.builtin) void quietly(models.load());
  await Promise.all([quietly(readBacklog(BACKLOG)), refreshGraph(), history.search("")]);
  await Promise.all([quietly(memory.load()), quietly(tests.load()), quietly(workspace.load()), quietly(debug.load()), quietly(asides.load())]);
  if (place.value.q) await history.search(place.value.q);
  for (const socket of [chat, trace, test]) socket.open();
  pollWhileBlocked();
}

let hash = "";

async function poll(): Promise<void> {
  await readBacklog(200);
  hearTests(await get<TestRecord>("/api/test/status"));
  const news = await get<{ changed: boolean; hash: string; state?: unknown }>(`/api/poll?since=${hash}`);
  if (!news.changed) return;
  hash = news.hash;
  memory.update(news.state);
  await readConversation();
}

function pollWhileBlocked(): void {
  let timer: number | undefined;
  const tick = async (): Promise<void> => {
    try {
      await poll();
      connection.polled.value = true;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) connection.denied.value = true;
      connection.polled.value = error instanceof Refused;
    }
    if (connection.blocked.peek()) timer = window.setTimeout(() => void tick(), POLL_MS);
    else timer = undefined;
  };
  effect(() => {
    if (connection.blocked.value && timer === undefined) timer = window.setTimeout(() => void tick(), 0);
    if (!connection.blocked.value) connection.polled.value = null;
  });
}

/** Say something; it waits its turn when a run is at work. */
export async function say(text: string): Promise<void> {
  follow();
  if (chat.send({ text, dashboard: controls.peek() })) return;
  await post("/api/send", { text, dashboard: controls.peek(), queue: true });
}

/** Click; it queues behind what runs. */
export async function act(action: string, data: unknown): Promise<void> {
  follow();
  if (chat.send({ type: "action", action, data, dashboard: controls.peek() })) return;
  await post("/api/action", { action, data });
}

export const cancel = (run_id: string): Promise<unknown> => post(`/api/runs/${encodeURIComponent(run_id)}/cancel`);

/** Make the end of a fork the state of the conversation. */
export async function adopt(run_id: string): Promise<void> {
  await post("/api/head", { run_id });
  renew();
  news.value = "The conversation goes on from this fork.";
  await memory.load();
}

export const clear = (): Promise<unknown> => post("/api/clear");
