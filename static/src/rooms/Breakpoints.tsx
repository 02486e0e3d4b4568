/** The breakpoints of the channel: switch, delete, add. */
import "../styles/debug.css";
import { useRef, useState } from "preact/hooks";
import { shortId } from "../lib/format";
import { breakpoints, changeBreakpoints } from "../store/debug";
import { active } from "../store/graph";
import { attempt } from "../store/notice";
import { isOver } from "../store/visits";
import type { Breakpoint } from "../wire/types.gen";
import { Empty } from "../ui/bits";
import { Close, Dialog, useTyped } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { RunChoice } from "./RunChoice";

type On = NonNullable<Breakpoint["on"]> | "";
const KINDS: readonly [On, string][] = [["", "frame or node"], ["model", "model request"], ["tool", "tool call"], ["error", "error"], ["retry", "retry"], ["budget", "budget"], ["divergence", "divergence from a run"]];

/** A breakpoint in words. */
export function wordsOf(one: Breakpoint): string {
  const what = one.on ? `on ${one.on}${one.tool ? ` ${one.tool}` : ""}` : one.at;
  const where = [one.node, one.frame === null ? "" : `frame ${one.frame}`].filter(Boolean).join(", ") || (one.on ? "" : "every frame");
  return [what, where, one.when ? `when ${one.when}` : "", one.baseline ? `from ${shortId(one.baseline)}` : ""].filter(Boolean).join(" ");
}

function Row({ one }: { readonly one: Breakpoint }) {
  const words = wordsOf(one);
  const change = (to: readonly Partial<Breakpoint>[]): void =>
    void attempt(changeBreakpoints((all) => all.flatMap((other): readonly Partial<Breakpoint>[] => (other.id === one.id ? to : [other]))));
  return (
    <li class={`breakpoint ${one.enabled ? "" : "breakpoint-off"}`}>
      <label>
        <input type="checkbox" checked={one.enabled} onChange={(event) => change([{ ...one, enabled: event.currentTarget.checked }])} />
        <span class="mono">{words}</span>
      </label>
      <button type="button" class="quiet" aria-label={`Delete ${one.id}: ${words}`} onClick={() => change([])}><Icon name="trash" /></button>
    </li>
  );
}

interface Draft {
  readonly at: Breakpoint["at"];
  readonly on: On;
  readonly node: string;
  readonly frame: string;
  readonly tool: string;
  readonly baseline: string;
  readonly when: string;
}

const FRESH: Draft = { at: "before", on: "", node: "", frame: "", tool: "", baseline: "", when: "" };

/** What is sent: nothing is said about what was left open. */
export function drafted(draft: Draft): Partial<Breakpoint> {
  const { on } = draft;
  return {
    ...(on === "" || on === "error" ? { at: draft.at } : {}),
    ...(on ? { on } : {}),
    ...(draft.node ? { node: draft.node } : {}),
    ...(draft.frame ? { frame: Number(draft.frame) } : {}),
    ...(on === "tool" && draft.tool ? { tool: draft.tool } : {}),
    ...(on === "divergence" ? { baseline: draft.baseline } : {}),
    ...(draft.when.trim() ? { when: draft.when } : {}),
  };
}

function Add() {
  const [draft, setDraft] = useState(FRESH);
  const [fault, setFault] = useState("");
  const [adding, setAdding] = useState(false);
  const condition = useRef<HTMLInputElement>(null);
  useTyped(!adding && [draft.frame, draft.tool, draft.when].some((text) => text.trim() !== ""));
  const set = (change: Partial<Draft>): void => { setDraft({ ...draft, ...change }); setFault(""); };
  const refused = (error: unknown): void => {
    const told = error instanceof Error ? error.message : String(error);
    setFault(told);
    const column = Number(/when: column (\d+)/.exec(told)?.[1] ?? 0);
    if (!column) return;
    condition.current?.focus();
    condition.current?.setSelectionRange(column - 1, column);
  };
  const add = (event: Event): void => {
    event.preventDefault();
    if (adding) return;
    setAdding(true); // what was sent is not lost by closing, and the list may show it before the answer comes
    changeBreakpoints((all) => [...all, drafted(draft)])
      .then(() => setDraft({ ...FRESH, at: draft.at, on: draft.on }), refused)
      .finally(() => setAdding(false));
  };
  const timed = draft.on === "";
  return (
    <form onSubmit={add} aria-label="Add a breakpoint">
      <h3>Add</h3>
      <div class="form">
        <label>hold on<select value={draft.on} onChange={(event) => set({ on: event.currentTarget.value as On })}>{KINDS.map(([on, name]) => <option key={on} value={on}>{name}</option>)}</select></label>
        {timed ? <label>at<select value={draft.at} onChange={(event) => set({ at: event.currentTarget.value as Breakpoint["at"] })}><option value="before">before</option><option value="after">after</option></select></label> : null}
        <label>node<select value={draft.node} onChange={(event) => set({ node: event.currentTarget.value })}><option value="">any</option>{active.value?.nodes.map((node) => <option key={node} value={node}>{node}</option>)}</select></label>
        <label>frame<input type="number" min={1} placeholder="any" value={draft.frame} onInput={(event) => set({ frame: event.currentTarget.value })} /></label>
        {draft.on === "tool" ? <label>tool<input type="text" placeholder="any" value={draft.tool} onInput={(event) => set({ tool: event.currentTarget.value })} /></label> : null}
        {draft.on === "divergence" ? <RunChoice label="run" able={isOver} value={draft.baseline} onChoose={(baseline) => set({ baseline })} /> : null}
        <label class="stretch">when<input ref={condition} type="text" spellcheck={false} autocomplete="off" placeholder={draft.on === "budget" ? "tokens > 5000 or cost > 0.05" : 'envelope.text contains "Leipzig"'} aria-invalid={fault.includes("when: ")} aria-describedby={fault ? "breakpoint-fault" : undefined} value={draft.when} onInput={(event) => set({ when: event.currentTarget.value })} /></label>
        <button type="submit" class="quiet">add</button>
      </div>
      {fault ? <p class="fault" role="alert" id="breakpoint-fault">{fault}</p> : null}
    </form>
  );
}

export function Breakpoints({ onClose }: { readonly onClose: () => void }) {
  const all = breakpoints.value;
  return (
    <Dialog label="Breakpoints" kind="broad" onClose={onClose}>
      <h2>Breakpoints</h2>
      {all.length ? <ul>{all.map((one) => <Row key={one.id} one={one} />)}</ul> : <Empty title="No breakpoints yet.">Select a node of the graph and press <kbd>b</kbd>, or add one here.</Empty>}
      <Add />
      <div class="foot"><Close>close</Close></div>
    </Dialog>
  );
}
