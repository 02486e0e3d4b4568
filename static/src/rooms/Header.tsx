/** Name, graph, model, what is going on, whether the page is live. */
import { useState } from "preact/hooks";
import { connection } from "../store/connection";
import { barShown, pause, wanted } from "../store/debug";
import { active, change, choices, switching } from "../store/graph";
import { attempt } from "../store/notice";
import { working } from "../store/runs";
import { clear, info } from "../store/session";
import { toggleTheme } from "../store/theme";
import { Status } from "../ui/bits";
import { Icon } from "../ui/Icon";
import { dialog } from "./dialogs";
import { DebugBar } from "./parts";
import { Broken, WorkspaceBanners } from "./Workspace";

const GLYPH = { live: "●", connecting: "○", waiting: "◌", polling: "◐", offline: "✕", denied: "✕" } as const;

function GraphChoice() {
  const now = active.value?.name ?? "";
  const all = choices.value;
  return (
    <label class="choice">
      <span class="faint">graph</span>
      <select
        aria-label="graph" value={now}
        onChange={(event) => {
          const { value } = event.currentTarget;
          // Until the server has switched, the page shows what is active.
          event.currentTarget.value = now;
          void attempt(change(value));
        }}
      >
        {all.some((graph) => graph.name === now) ? null : <option value={now}>{now || "—"}</option>}
        {all.map((graph) => <option key={graph.name} value={graph.name} title={graph.description}>{graph.name}</option>)}
      </select>
    </label>
  );
}

export function Model() {
  const model = info.value?.model;
  if (!model) return <span class="model faint">—</span>;
  return (
    <button type="button" class="model quiet" title="Which model answers, and how to connect another" onClick={() => { dialog.value = "model"; }}>
      {model.builtin ? <span class="tag">{model.label}</span> : <><span class="faint">model</span> <span class="mono">{model.model}</span></>}
    </button>
  );
}

/** Clearing asks once more, in place. */
function Clear() {
  const [sure, setSure] = useState(false);
  if (!sure) {
    return <button type="button" class="quiet" onClick={() => setSure(true)} title="Forget conversation, memory and controls; traces stay"><Icon name="trash" /><span class="wide-only">clear</span></button>;
  }
  return (
    <button type="button" class="quiet danger" onBlur={() => setSure(false)} onClick={() => { setSure(false); void attempt(clear()); }}>
      <Icon name="trash" /><span>really clear?</span>
    </button>
  );
}

function Live() {
  const now = connection.value;
  return (
    <span class={`connection connection-${now.state}`} title={now.detail} role="status">
      <span aria-hidden="true">{GLYPH[now.state]}</span> {now.label}
    </span>
  );
}

/** Open the bar, or close it; while it has something to tell it stays, and is led to. */
function debuggerBar(): void {
  wanted.value = !wanted.value;
  if (barShown.value) requestAnimationFrame(() => document.querySelector<HTMLElement>("section.debug")?.focus());
}

export function Header() {
  const run = working.value;
  return (
    <header class="top">
      <h1><svg class="mark" viewBox="0 0 16 16" aria-hidden="true"><path d="M1.5 3h6v3h-6zM4.5 6.5h7v3h-7zM8.5 10h6v3h-6z" /></svg><span class="brand">Framescope</span></h1>
      <GraphChoice />
      <Broken />
      <Model />
      <span class="grow" />
      {run ? <Status of={run.status} /> : null}
      {run?.status === "running" ? <button type="button" class="quiet wide-only" title="Hold the run wherever it comes next" onClick={() => void pause()}><Icon name="pause" />pause</button> : null}
      <Live />
      <button type="button" class="quiet" aria-label="Debugger" title="Debugger: pause, breakpoints" aria-expanded={barShown.value} onClick={debuggerBar}><Icon name="bug" /></button>
      <Clear />
      <button type="button" class="quiet" aria-label="Commands" title="Commands (Ctrl K)" onClick={() => { dialog.value = "palette"; }}><Icon name="search" /></button>
      <button type="button" class="quiet wide-only" aria-label="Keys" title="Keys (?)" onClick={() => { dialog.value = "keys"; }}><Icon name="keys" /></button>
      <button type="button" class="quiet" aria-label="Light or dark" title="Light or dark" onClick={toggleTheme}><Icon name="moon" /></button>
    </header>
  );
}

/** A run is at work: switch after it, or at its cost. */
function Switching() {
  const wanted = switching.value;
  if (!wanted) return null;
  if (wanted.waits) return <p class="banner" role="status">The graph {wanted.name} takes over when the run at work has ended.</p>;
  return (
    <div class="banner" role="alert">
      <span>A run is at work. Switch to {wanted.name}:</span>
      <button type="button" class="quiet" onClick={() => void attempt(change(wanted.name, "after"))}>after it</button>
      <button type="button" class="quiet" onClick={() => void attempt(change(wanted.name, "cancel"))}>now, and cancel it</button>
      <button type="button" class="quiet" onClick={() => { switching.value = null; }}>not at all</button>
    </div>
  );
}

/** One line when the page is not live, so that nobody trusts a stale picture. */
function Lost() {
  const now = connection.value;
  if (now.state === "live" || now.state === "connecting" || now.state === "denied") return null;
  return <p class={`banner banner-${now.state}`} role="alert">{now.detail}</p>;
}

export const Banners = () => <><Lost /><WorkspaceBanners /><Switching />{barShown.value ? <DebugBar /> : null}</>;
