/** What if: a run goes on from a frame with something changed. The price is told before anything is asked. */
import "../styles/debug.css";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { count, money, plural, shortId } from "../lib/format";
import { fields, text } from "../lib/json";
import { blamedDraft, dirtyOf, type Draft, made } from "../lib/whatif";
import { fork, promptsOf } from "../store/forks";
import { news, notice } from "../store/notice";
import { go, place } from "../store/place";
import { look, matches } from "../store/runs";
import type { RunView } from "../store/visits";
import type { Forked } from "../wire/types.gen";
import { Close, Dialog, useTyped } from "../ui/Dialog";
import { AtWork, isOf } from "./AtWork";
import { filled, fits, ForkChange, type Ground, isTyped, waitingAt } from "./ForkChange";

const told = (error: unknown): string => (error instanceof Error ? error.message : String(error));
let keys = 0;

/** "5 of 14 visits dirty, about 2 model calls, ≈ $0.01". */
export function priceOf(guess: Forked): string {
  const dirty = guess.dirty.length;
  const cost = guess.cost === null ? "price unknown" : `≈ ${money(guess.cost)}`;
  return `${count(dirty)} of ${plural(dirty + guess.reused, "visit")} dirty, about ${plural(guess.model_calls, "model call")}, ${cost}`;
}

function Price({ guess, sure, onSure }: { readonly guess: Forked; readonly sure: boolean; readonly onSure: (sure: boolean) => void }) {
  return (
    <div class="price">
      <p role="status"><strong>{priceOf(guess)}</strong></p>
      {guess.dirty.length ? (
        <ul class="dirty" tabIndex={0} aria-label="What is done again">
          {dirtyOf(guess.dirty).map((one) => <li key={`${one.frame}/${one.node}`}><span class="mono">frame {one.frame} · {one.node}</span> <span class="faint">{one.why}</span></li>)}
        </ul>
      ) : <p class="faint">Nothing would be done again: the fork is the run as it was.</p>}
      {guess.writes.length ? (
        <label class="sure"><input type="checkbox" checked={sure} onChange={(event) => onSure(event.currentTarget.checked)} /> let it write: {guess.writes.map((one) => `${text(fields(one)["tool"])} (frame ${text(fields(one)["frame"])}, ${text(fields(one)["node"])})`).join(", ")}</label>
      ) : null}
    </div>
  );
}

/** The frames a fork can begin with, and the nodes of each. */
function framesOf(run: RunView): ReadonlyMap<number, readonly string[]> {
  const frames = new Map<number, string[]>();
  for (const { frame, node, post } of run.visits) {
    if (!post) frames.set(frame, [...(frames.get(frame) ?? []), node]);
  }
  return frames;
}

interface Fault {
  /** Of which change; -1: of none of them. */
  readonly draft: number;
  readonly text: string;
}

function Form({ run, prompts, onClose }: { readonly run: RunView; readonly prompts: Ground["prompts"]; readonly onClose: () => void }) {
  const visit = run.visits.find((one) => matches(one, place.peek()));
  const frames = useMemo(() => framesOf(run), [run.visits]);
  const [frame, setFrame] = useState(visit && !visit.post ? visit.frame : (frames.keys().next().value ?? 1));
  const [drafts, setDrafts] = useState<readonly Draft[]>([]);
  const [post, setPost] = useState(false);
  const [sure, setSure] = useState(false);
  const [guess, setGuess] = useState<Forked>();
  const [fault, setFault] = useState<Fault>();
  const [busy, setBusy] = useState<"" | "estimating" | "running">("");
  // Closed while the fork is at work: its end is told, and the page stays where it is.
  const left = useRef(false);
  useEffect(() => () => { left.current = true; }, []);
  const on: Ground = { run, frame, prompts };
  // The others are kept for the case that the fork begins again where they can be made.
  const fitting = drafts.filter((draft) => fits(draft, on));
  const apart = drafts.length - fitting.length;
  // What was can be changed when it has been read; of a large run that is done frame by frame.
  const known = waitingAt(on).every((one) => one.record);
  useEffect(() => { if (!known) void look(run.run_id, frame); }, [frame, known]);
  useTyped(busy !== "running" && drafts.some((draft) => isTyped(draft, on)));
  // An estimate of what was asked before the last change is nobody's price.
  const asked = useRef(0);
  const stale = (): void => {
    asked.current += 1;
    setGuess(undefined);
    setFault(undefined);
    setSure(false);
    setBusy((now) => (now === "estimating" ? "" : now));
  };
  const change = (next: readonly Draft[]): void => { setDrafts(next); stale(); };
  const add = (): void => change([...drafts, filled({ key: ++keys, target: "prompt", frame, node: visit?.node ?? "", effect: "", path: "", before: null, text: "" }, on)]);
  const ask = (dry_run: boolean): void => {
    const all = fitting.map(made);
    const wrong = all.findIndex((one) => !one.ok);
    const bad = all[wrong];
    if (bad && !bad.ok) return setFault({ draft: wrong, text: bad.text });
    const sent = all.map((one) => (one.ok ? one.changes : []));
    const mine = dry_run ? ++asked.current : 0;
    const wanted = (): boolean => !dry_run || mine === asked.current;
    setBusy(dry_run ? "estimating" : "running");
    fork(run.run_id, { frame, edits: sent.flat(), post, confirm: sure && !dry_run, dry_run }).then(
      (answer) => {
        if (dry_run) return wanted() ? setGuess(answer) : undefined;
        if (left.current) {
          news.value = `Fork ${shortId(answer.run_id ?? "")} has ended: ${answer.status}.`;
          return undefined;
        }
        onClose();
        go({ run: answer.run_id ?? "", frame: 0, node: "", visit: 1, room: "frames" }, true);
      },
      (error: unknown) => {
        if (!wanted()) return;
        if (!left.current) setFault({ draft: blamedDraft(told(error), sent), text: told(error) });
        else if (!dry_run) notice.value = `The fork: ${told(error)}`;
      },
    ).finally(() => { if (wanted()) setBusy(""); });
  };
  useEffect(() => { if (fitting.length === 0 && !guess && busy !== "running") ask(true); }, [frame, post, fitting.length]);
  const held = guess !== undefined && guess.writes.length > 0 && !sure;
  return (
    <form onSubmit={(event) => { event.preventDefault(); if (!busy && !held) ask(guess === undefined); }}>
      <div class="form">
        <label>from frame<select value={frame} onChange={(event) => { setFrame(Number(event.currentTarget.value)); stale(); }}>{[...frames].map(([one, nodes]) => <option key={one} value={one}>{one} · {nodes.join(" + ")}</option>)}</select></label>
        <label class="sure"><span><input type="checkbox" checked={post} onChange={(event) => { setPost(event.currentTarget.checked); stale(); }} /> also the nodes after the answer</span></label>
      </div>
      {fitting.map((draft, at) => (
        <ForkChange key={draft.key} draft={draft} on={on} fault={fault?.draft === at ? fault.text : ""} onChange={(next) => change(drafts.map((one) => (one === draft ? next : one)))} onRemove={() => change(drafts.filter((one) => one !== draft))} />
      ))}
      {apart ? <p class="faint" role="status">{apart === 1 ? "1 change is kept but not made" : `${count(apart)} changes are kept but not made`}: what is changed is not part of a fork from frame {frame}.</p> : null}
      <p class="faint">{fitting.length ? "" : "Nothing is changed: graph, prompts and nodes as they are now, against the recording."}</p>
      {fault && fault.draft < 0 ? <p class="fault" role="alert">{fault.text}</p> : null}
      {busy === "running" ? <AtWork which={isOf(run.run_id)} /> : null}
      {guess ? <Price guess={guess} sure={sure} onSure={setSure} /> : null}
      <div class="foot">
        <button type="button" class="quiet" autofocus aria-disabled={!known} onClick={() => { if (known) add(); }}>change something</button>
        <button type="submit" class="quiet main" aria-disabled={busy !== "" || held}>{busy ? `${busy} …` : guess ? "run the fork" : "estimate"}</button>
        <Close>{busy === "running" ? "close" : "cancel"}</Close>
      </div>
    </form>
  );
}

export function ForkDialog({ run, onClose }: { readonly run: RunView; readonly onClose: () => void }) {
  const [prompts, setPrompts] = useState<Ground["prompts"]>();
  const [fault, setFault] = useState("");
  useEffect(() => {
    promptsOf(run.run_id).then(setPrompts, (error: unknown) => setFault(told(error)));
  }, [run.run_id]);
  return (
    <Dialog label="Fork" kind="broad" onClose={onClose}>
      <h2>What if <span class="faint mono">fork of {shortId(run.run_id)}</span></h2>
      {fault ? <p class="fault" role="alert">{fault}</p> : prompts ? <Form run={run} prompts={prompts} onClose={onClose} /> : <p class="faint" role="status">Reading the trace …</p>}
    </Dialog>
  );
}
