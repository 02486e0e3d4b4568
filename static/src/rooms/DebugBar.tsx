/** The debugger's bar: what is held, where and why, and the ways on. */
import "../styles/debug.css";
import { useRef, useState } from "preact/hooks";
import { plural, shortId } from "../lib/format";
import { breakpoints, debug, drop, finish, held, pause, placeOf, resume, runTo, step, stepping, wanted } from "../store/debug";
import { go } from "../store/place";
import { shownId } from "../store/runs";
import type { Debug } from "../wire/types.gen";
import { useFocusKept } from "../ui/focus";
import { Icon } from "../ui/Icon";
import { dialog } from "./dialogs";

function Verb(props: { readonly name: string; readonly keys?: string; readonly title: string; readonly danger?: boolean; readonly onClick: () => void }) {
  return (
    <button type="button" class={`quiet ${props.danger ? "danger" : ""}`} title={props.title} aria-keyshortcuts={props.keys} onClick={props.onClick}>
      {props.name}{props.keys ? <kbd class="key" aria-hidden="true">{props.keys}</kbd> : null}
    </button>
  );
}

function RunTo({ from }: { readonly from: number }) {
  const [frame, setFrame] = useState("");
  const wished = Number(frame || from + 1);
  return (
    <form class="debug-to" onSubmit={(event) => { event.preventDefault(); if (wished > 0) void runTo(wished); }}>
      <button type="submit" class="quiet" title="Go on to this frame">run to frame</button>
      <input type="number" min={1} aria-label="Frame to run to" value={frame || from + 1} onInput={(event) => setFrame(event.currentTarget.value)} />
    </form>
  );
}

const openHeld = (now: Debug): void => go({ run: now.run_id ?? "", frame: 0, node: "", visit: 1, room: "frames" }, true);

function HeldHere({ now }: { readonly now: Debug }) {
  return (
    <>
      <p class="debug-told" role="status">
        <strong><span aria-hidden="true">‖</span> held</strong>
        <span class="mono">{placeOf(now)}</span>
        <span>— {now.reason}</span>
        {now.run_id && now.run_id !== shownId.value ? <button type="button" class="link" onClick={() => openHeld(now)}>show run {shortId(now.run_id)}</button> : null}
      </p>
      <div class="debug-verbs">
        <Verb name="resume" keys="F8" title="Go on to the next breakpoint (F8)" onClick={() => void resume()} />
        <Verb name="step frame" keys="F10" title="Go on to the next frame (F10)" onClick={() => void step("frame")} />
        <Verb name="step node" keys="F11" title="Go on to the next node of the frame (F11)" onClick={() => void step("node")} />
        <RunTo key={now.frame} from={now.frame ?? 1} />
        <Verb name="finish" title="Go on to the end of this run, past all breakpoints" onClick={() => void finish()} />
        <Verb name="edit" title="Change what the run goes on with" onClick={() => { dialog.value = "edit"; }} />
        <Verb name="drop" title="End the run here" danger onClick={() => void drop()} />
        <Breakpoints />
      </div>
    </>
  );
}

function Breakpoints() {
  const on = breakpoints.value.filter((one) => one.enabled).length;
  return <Verb name={breakpoints.value.length ? plural(on, "breakpoint") : "breakpoints"} title="List, add, switch off and delete breakpoints" onClick={() => { dialog.value = "breakpoints"; }} />;
}

/** Nothing is held: what would hold the next run. */
function Watching({ now }: { readonly now: Debug | null }) {
  const running = now?.status === "running";
  const told = stepping.value ? "On the way to the next stop …" : now?.armed ? "The next run is held before its first frame." : running ? "A run is at work." : "Nothing is held.";
  return (
    <>
      <p class="debug-told" role="status"><span>{told}</span></p>
      <div class="debug-verbs">
        {stepping.value ? null : now?.armed ? (
          <Verb name="take back" title="Do not hold the next run" onClick={() => void resume()} />
        ) : (
          <Verb name={running ? "pause" : "pause the next run"} title={running ? "Hold the run wherever it comes next" : "Hold the next run before its first frame"} onClick={() => void pause()} />
        )}
        <Breakpoints />
        {wanted.value && !now?.armed && breakpoints.value.length === 0 ? (
          <button type="button" class="quiet" aria-label="Close the debugger" onClick={() => { wanted.value = false; }}><Icon name="cross" /></button>
        ) : null}
      </div>
    </>
  );
}

export function DebugBar() {
  const bar = useRef<HTMLElement>(null);
  const now = held.value;
  useFocusKept(bar, `${now?.run_id}/${stepping.value}`);
  return (
    <section ref={bar} class={`debug ${now ? "debug-held" : ""}`} aria-label="Debugger" tabIndex={-1}>
      {now ? <HeldHere now={now} /> : <Watching now={debug.value} />}
    </section>
  );
}
