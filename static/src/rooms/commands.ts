/** Everything that can be done without the mouse: one list for the palette, the keys and the sheet. */
import { shortId } from "../lib/format";
import type { Room } from "../lib/place";
import { compile } from "../lib/query";
import { asides } from "../store/asides";
import { finish, held, isBaseline, pause, resume, step, toggle, toggleBaseline, wanted } from "../store/debug";
import { beside } from "../store/events";
import { change, choices } from "../store/graph";
import { past } from "../store/history";
import { attempt, notice } from "../store/notice";
import { follow, go, place, room } from "../store/place";
import { replay } from "../store/replay";
import { selected, shown } from "../store/runs";
import { cancel, clear, say } from "../store/session";
import { working } from "../store/runs";
import { ended, resumable } from "../store/visits";
import { toggleTheme } from "../store/theme";
import { EXAMPLES } from "./Chat";
import { choose, pickRun } from "./choose";
import { dialog } from "./dialogs";
import { arrived } from "./parts";
import { goOn } from "./resume";

export interface Command {
  readonly name: string;
  readonly keys?: string;
  readonly run: () => void;
  /** Whether there is anything to do it to; the key is the browser's otherwise. */
  readonly when?: () => boolean;
}

const JUMPS: readonly [string, Room][] = [
  ["c", "chat"], ["g", "graph"], ["f", "frames"], ["i", "inspector"], ["m", "memory"], ["p", "processes"], ["r", "runs"], ["e", "events"], ["t", "tests"],
];

/** Next or previous of what the room lists. */
function move(by: 1 | -1): void {
  const { room: here, ev, seq } = place.peek();
  if (here === "events") return go({ seq: beside(seq, by, compile(ev)) || seq });
  if (here === "runs") {
    const at = past.peek().findIndex((run) => run.run_id === shown.peek()?.run_id);
    return pickRun(past.peek()[Math.max(0, at + by)]);
  }
  const run = shown.peek();
  if (!run) return;
  const now = selected.peek();
  const at = now ? run.visits.indexOf(now) : by > 0 ? -1 : run.visits.length;
  choose(run, run.visits[Math.min(run.visits.length - 1, Math.max(0, at + by))]);
}

/** The node that has the focus in the graph, or whose visit is selected. */
function breakAt(at: "before" | "after"): void {
  const node = document.activeElement?.closest("[data-node]")?.getAttribute("data-node") ?? selected.peek()?.node;
  if (!node) notice.value = "Select a node first: click it in the graph, or press j.";
  else void toggle(node, at);
}

/** A run that has ended is shown. */
const canBeMade = (): boolean => {
  const run = shown.peek();
  return run !== null && ended(run);
};

const isHeldNow = (): boolean => held.peek() !== null;

function firstFailure(): void {
  const run = shown.peek();
  const failed = run?.visits.find((visit) => visit.error);
  if (run && failed) choose(run, failed);
}

/** Focus the first visible match; false when there is none. */
function focus(selector: string): boolean {
  const found = [...document.querySelectorAll<HTMLElement>(selector)].find((element) => element.offsetParent !== null);
  found?.focus();
  return found !== undefined;
}

function enter(name: Room): void {
  room(name);
  void arrived(name).then(() => requestAnimationFrame(() => focus(name === "chat" ? "#composer" : `.room-${name} [role=listbox], .room-${name} [tabindex="0"]`)));
}

const search = (): void => {
  if (!focus("[data-search]") && !focus("#composer")) enter("chat");
};

export const COMMANDS: readonly Command[] = [
  ...JUMPS.map(([key, name]): Command => ({ name: `go to ${name}`, keys: `g ${key}`, run: () => enter(name) })),
  { name: "next", keys: "j", run: () => move(1) },
  { name: "previous", keys: "k", run: () => move(-1) },
  { name: "next match of the filter", keys: "n", run: () => move(1) },
  { name: "previous match of the filter", keys: "N", run: () => move(-1) },
  { name: "first failure", keys: "f", run: firstFailure },
  { name: "search, or write a message", keys: "/", run: search },
  { name: "replay the shown run", keys: "r", run: () => { const run = shown.peek(); if (run) void replay(run.run_id); } },
  { name: "make a test of the shown run", keys: "t", when: canBeMade, run: () => { dialog.value = "test"; } },
  { name: "fork the shown run from the selected frame", keys: "w", when: canBeMade, run: () => { dialog.value = "fork"; } },
  { name: "compare the shown run with another", keys: "d", when: canBeMade, run: () => { dialog.value = "diff"; } },
  { name: "follow the newest run", keys: "l", run: follow },
  { name: "resume the held run", keys: "F8", when: isHeldNow, run: () => void resume() },
  { name: "step to the next frame", keys: "F10", when: isHeldNow, run: () => void step("frame") },
  { name: "step to the next node", keys: "F11", when: isHeldNow, run: () => void step("node") },
  { name: "breakpoint before the selected node", keys: "b", run: () => breakAt("before") },
  { name: "breakpoint after the selected node", keys: "B", run: () => breakAt("after") },
  { name: "commands", keys: "Ctrl K", run: () => { dialog.value = "palette"; } },
  { name: "these keys", keys: "?", run: () => { dialog.value = "keys"; } },
];

/** What the palette offers beyond the keys. */
export function offers(): readonly Command[] {
  const run = working.peek();
  const open = shown.peek();
  return [
    ...COMMANDS.filter((command) => command.keys !== "Ctrl K" && command.when?.() !== false),
    ...EXAMPLES.map((example): Command => ({ name: `send “${example}”`, run: () => void attempt(say(example)) })),
    ...(open && resumable(open) ? [{ name: "resume the interrupted run", run: () => void goOn(open.run_id) }] : []),
    ...(open && ended(open) ? [{ name: `${isBaseline(open.run_id) ? "no longer hold" : "hold"} where a run departs from the shown one`, run: () => void toggleBaseline(open.run_id) }] : []),
    ...(run ? [{ name: "cancel the run", run: () => void attempt(cancel(run.run_id)) }] : []),
    ...asides.peek().map(({ kind, run_id }): Command => ({ name: `cancel ${kind} ${shortId(run_id)}`, run: () => void attempt(cancel(run_id)) })),
    ...choices.peek().filter((graph) => !graph.active).map((graph): Command => ({ name: `switch to graph ${graph.name}`, run: () => void attempt(change(graph.name)) })),
    ...(held.peek() ? [{ name: "edit what the held run goes on with", run: () => { dialog.value = "edit"; } }, { name: "finish the held run, past all breakpoints", run: () => void finish() }] : [{ name: run ? "pause the run" : "pause the next run", run: () => void pause() }]),
    { name: "debugger", run: () => { wanted.value = true; } },
    { name: "breakpoints", run: () => { dialog.value = "breakpoints"; } },
    { name: "which model answers, and how to connect another", run: () => { dialog.value = "model"; } },
    { name: "light or dark", run: toggleTheme },
    { name: "clear the conversation", run: () => void attempt(clear()) },
    ...past.peek().slice(0, 30).map((one): Command => ({ name: `open run ${shortId(one.run_id)} ${one.message}`, run: () => go({ run: one.run_id, frame: 0, node: "", room: "frames" }, true) })),
  ];
}
