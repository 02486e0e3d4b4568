/** Two runs side by side: where they first part and why, and every visit with its band. */
import "../styles/verdict.css";
import "../styles/debug.css";
import { useEffect, useState } from "preact/hooks";
import { between } from "../lib/bands";
import { count, money, ms, plural, shortId } from "../lib/format";
import { go } from "../store/place";
import { recorded } from "../store/runs";
import type { RunView } from "../store/visits";
import { get } from "../wire/http";
import type { Band, DiffOf, DiffRow } from "../wire/lines";
import { Dialog } from "../ui/Dialog";
import { WordDiff } from "../ui/WordDiff";
import { RunChoice } from "./RunChoice";

/** Visits that are listed at first. */
const MOST = 200;

const BANDS: Readonly<Record<Band, readonly [string, string]>> = {
  same: ["=", "same"], time: ["≈", "other time"], changed: ["≠", "changed"], left: ["−", "only left"], right: ["+", "only right"],
};

const CAUSES: Readonly<Record<string, string>> = {
  prompt: "another prompt", model: "another model or setting", memory: "other memory", tool_result: "another tool result",
  operator_edit: "an edit by hand", graph: "another graph", code: "other code", model_variance: "the model varied: its input was the same",
};

const signed = (value: number | null, show: (value: number) => string): string => (value === null ? "—" : `${value > 0 ? "+" : value < 0 ? "−" : "±"}${show(Math.abs(value))}`);

function Row({ row }: { readonly row: DiffRow }) {
  const [glyph, name] = BANDS[row.band];
  const head = (
    <>
      <span class={`band band-${row.band}`}><span class="glyph" aria-hidden="true">{glyph}</span> {name}</span>
      <span class="mono">{row.post ? "post" : `frame ${row.frame}`} · {row.node}{row.visit > 1 ? ` ×${row.visit}` : ""}</span>
      <span class="faint mono">{between(row.ms, ms)}</span>
    </>
  );
  if (row.differences.length === 0) return <li class="diff-row">{head}</li>;
  return (
    <li>
      <details>
        <summary class="diff-row">{head}</summary>
        {row.differences.map((one) => <div key={one.field} class="diff-spot"><h3 class="mono">{one.field}</h3><WordDiff expected={one.left} got={one.right} label={`${one.field}: left and right`} /></div>)}
      </details>
    </li>
  );
}

function First({ diff, onGo }: { readonly diff: DiffOf; readonly onGo: (run_id: string) => void }) {
  const first = diff.first_divergence;
  if (!first) return <p role="status"><strong>Identical</strong>: nothing but time differs.</p>;
  return (
    <div class="price" role="status">
      <p>They part at <strong class="mono">frame {first.frame} · {first.node} · {first.field}</strong>{diff.cause ? <>: {CAUSES[diff.cause] ?? diff.cause}</> : null}</p>
      <WordDiff expected={first.left} got={first.right} label="First divergence: left and right" />
      <p>open it in <button type="button" class="link" onClick={() => onGo(diff.left)}>{shortId(diff.left)}</button> · <button type="button" class="link" onClick={() => onGo(diff.right)}>{shortId(diff.right)}</button></p>
    </div>
  );
}

function Found({ diff, onClose }: { readonly diff: DiffOf; readonly onClose: () => void }) {
  const show = (run: string): void => {
    const first = diff.first_divergence;
    onClose();
    go({ run, frame: first?.frame ?? 0, node: first?.node ?? "", visit: 1, room: "frames" }, true);
  };
  const { tokens, ms: time, cost } = diff.deltas;
  const [most, setMost] = useState(MOST);
  const rest = diff.frames.length - most;
  return (
    <>
      <First diff={diff} onGo={show} />
      <p class="mono deltas">{signed(tokens, count)} tokens · {signed(time, ms)} · {signed(cost, money)}</p>
      <ul class="bands" aria-label="Visits">{diff.frames.slice(0, most).map((row) => <Row key={`${row.post}/${row.frame}/${row.node}/${row.visit}`} row={row} />)}</ul>
      {rest > 0 ? <button type="button" class="link" onClick={() => setMost(most + 10 * MOST)}>{plural(rest, "more visit")}</button> : null}
    </>
  );
}

/** What it most likely is to be compared with: where it came from, or the same message. */
function likely(run: RunView): string {
  const from = run.trace?.fork_of || run.trace?.replay_of;
  if (from) return from;
  const others = recorded().filter((one) => one.run_id !== run.run_id);
  if (others.some((one) => one.run_id === run.imported_from)) return run.imported_from;
  return (others.find((one) => one.message === run.message) ?? others[0])?.run_id ?? "";
}

export function DiffDialog({ run, onClose }: { readonly run: RunView; readonly onClose: () => void }) {
  const [left, setLeft] = useState(() => likely(run));
  const [diff, setDiff] = useState<DiffOf>();
  const [fault, setFault] = useState("");
  useEffect(() => {
    let wanted = Boolean(left);
    setDiff(undefined);
    setFault("");
    if (!left) return undefined;
    get<DiffOf>(`/api/diff?${new URLSearchParams({ left, right: run.run_id })}`).then(
      (found) => { if (wanted) setDiff(found); },
      (error: unknown) => { if (wanted) setFault(error instanceof Error ? error.message : String(error)); },
    );
    return () => { wanted = false; };
  }, [left, run.run_id]);
  return (
    <Dialog label="Difference" kind="broad" onClose={onClose}>
      <h2>Difference</h2>
      <div class="form">
        <RunChoice label="left" able={(one) => one.run_id !== run.run_id} value={left} autofocus onChoose={setLeft} />
        <span class="diff-right">right: <span class="mono">{shortId(run.run_id)} {run.kind === "message" ? "" : run.kind}</span></span>
      </div>
      {fault ? <p class="fault" role="alert">{fault}</p> : diff ? <Found diff={diff} onClose={onClose} /> : left ? <p class="faint" role="status">Comparing …</p> : null}
      <div class="foot"><button type="button" class="quiet" onClick={onClose}>close</button></div>
    </Dialog>
  );
}
