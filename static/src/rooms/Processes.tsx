/** Tool calls at work and those that ended: what they write, how they ended, and a way to stop one. */
import "../styles/processes.css";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { count, ms, oneLine, plural, shortId, stamp } from "../lib/format";
import { attempt } from "../store/notice";
import { go, place } from "../store/place";
import { active, load, processes, processesOf, stop, stopping } from "../store/processes";
import type { Process } from "../wire/lines";
import { Empty, Figure, Status } from "../ui/bits";
import { Icon } from "../ui/Icon";
import { JsonTree } from "../ui/JsonTree";

const TICK_MS = 200;

/** The time, as long as somebody needs it to go on. */
function useNow(needed: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!needed) return undefined;
    const timer = window.setInterval(() => setNow(Date.now()), TICK_MS);
    return () => window.clearInterval(timer);
  }, [needed]);
  return now;
}

/** What it wrote; stays at the end while it is there. */
function Output({ process }: { readonly process: Process }) {
  const box = useRef<HTMLPreElement>(null);
  const stuck = useRef(true);
  useLayoutEffect(() => {
    if (box.current && stuck.current) box.current.scrollTop = box.current.scrollHeight;
  }, [process.lines]);
  if (process.lines.length === 0) return <p class="faint">{active(process) ? "Nothing written yet." : "It wrote nothing."}</p>;
  return (
    <>
      <pre
        ref={box} class="process-output" tabIndex={0} role="log" aria-label={`Output of ${process.tool}`}
        onScroll={(event) => {
          const element = event.currentTarget;
          stuck.current = element.scrollTop + element.clientHeight > element.scrollHeight - 20;
        }}
      >
        {process.lines.join("\n")}
      </pre>
      {process.left_out ? <p class="faint">{plural(process.left_out, "more line")} not kept.</p> : null}
    </>
  );
}

function Details({ process }: { readonly process: Process }) {
  const { run_id, frame, node } = process;
  return (
    <div class="process-details">
      <dl class="figures">
        <Figure name="exit code">{process.exit_code ?? "—"}</Figure>
        <Figure name="started">{stamp(process.started)}</Figure>
        <Figure name="node">{node}</Figure>
        <Figure name="frame">{count(frame)}</Figure>
        <Figure name="pid">{process.pid}</Figure>
      </dl>
      <button type="button" class="link" onClick={() => go({ room: "frames", run: run_id, frame: frame ?? 0, node, visit: 1, tab: "tools" }, true)}>
        show its frame in run {shortId(run_id)}
      </button>
      <h3>Arguments</h3>
      <JsonTree value={process.args} depth={3} />
      <h3>Output</h3>
      <Output process={process} />
    </div>
  );
}

function Row({ process, now }: { readonly process: Process; readonly now: number }) {
  const open = place.value.pid === process.pid;
  const told = stopping.value.has(process.pid);
  const working = active(process);
  const last = process.lines[process.lines.length - 1];
  return (
    <li class={`process ${working ? "process-active" : ""}`}>
      <div class="process-row">
        <button type="button" class="process-name" aria-expanded={open} onClick={() => go({ pid: open ? "" : process.pid })}>
          <Status of={working && told ? "stopping" : process.status} />
          <strong class="mono">{process.tool}</strong>
          <span class="faint mono process-gist">{(working && last) || oneLine(JSON.stringify(process.args) ?? "", 160)}</span>
        </button>
        <span class="mono num">{ms((process.ended ?? now) - process.started)}</span>
        {working ? (
          <button type="button" class="quiet" disabled={told} aria-label={`cancel ${process.tool}`} onClick={() => void attempt(stop(process.pid))}><Icon name="stop" />cancel</button>
        ) : (
          <span class="mono faint num">{process.exit_code === null ? "" : `exit ${process.exit_code}`}</span>
        )}
      </div>
      {open ? <Details process={process} /> : null}
    </li>
  );
}

function List({ all }: { readonly all: readonly Process[] }) {
  const now = useNow(all.some(active));
  return <ul class="processes">{all.map((process) => <Row key={process.pid} process={process} now={now} />)}</ul>;
}

/** The tool calls of a node that is still at work. */
export function ProcessesOf({ run_id, frame, node }: { readonly run_id: string; readonly frame: number; readonly node: string }) {
  const all = processesOf(run_id, frame, node);
  return all.length ? <List all={all} /> : <Empty title="No tool is at work in this node." />;
}

export function Processes() {
  useEffect(() => void attempt(load()), []);
  const all = processes.value;
  return (
    <section class="room room-processes scroll" aria-label="Processes" tabIndex={0}>
      <h2 class="hidden-text">Processes</h2>
      {all.length ? <List all={all} /> : <Empty title="No tool has been called yet.">Ask something that needs one: <q>how many customers are in Leipzig?</q></Empty>}
    </section>
  );
}
