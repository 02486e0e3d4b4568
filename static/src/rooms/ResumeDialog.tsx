/** Why a cut run does not go on yet: what became of a write has to be said, or another way is to be chosen. */
import "../styles/debug.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { shortId } from "../lib/format";
import { fields } from "../lib/json";
import { parse, place } from "../lib/jsontext";
import { go } from "../store/place";
import { callsIn, followerIn, type Outcome, type Refusal, refusal, resuming } from "../store/resumes";
import type { RunView } from "../store/visits";
import type { Effect } from "../wire/types.gen";
import { Close, Dialog, useTyped } from "../ui/Dialog";
import { JsonTree } from "../ui/JsonTree";
import { dialog } from "./dialogs";
import { goOn } from "./resume";

interface Asked {
  readonly run: RunView;
  readonly why: Refusal;
}

type Choice = Outcome["unknown"];

const CHOICES: readonly (readonly [Choice, string, string])[] = [
  ["run", "run again", "it is done once more, also if it had been done"],
  ["done", "it was done", "it is not done again; the node is given the result"],
  ["fail", "it failed", "it is not done again; the node is told so"],
];

function Write({ call }: { readonly call: Effect }) {
  return (
    <li>
      <span class="mono">{call.name}</span> <span class="faint mono">frame {call.frame} · {call.node}</span>
      <JsonTree value={fields(call.request)["args"] ?? fields(call.request)["arguments"] ?? call.request} depth={2} />
    </li>
  );
}

/** The writes that were cut off; of a run that is not read whole, the server's own words for them. */
function Writes({ run, why }: Asked) {
  const calls = callsIn(why, run.trace?.effects ?? []);
  return calls.length ? <ul class="dirty" tabIndex={0} aria-label="What was cut off">{calls.map((call) => <Write key={call.effect_id} call={call} />)}</ul> : <p>{why.text}</p>;
}

/** What became of the write; the result is what the tool returned, as JSON. */
function Ask({ run, why, onSaid }: Asked & { readonly onSaid: (outcome: Outcome) => void }) {
  const [choice, setChoice] = useState<Choice>();
  const [result, setResult] = useState("");
  const [fault, setFault] = useState("");
  const area = useRef<HTMLTextAreaElement>(null);
  useTyped(result.trim() !== "");
  const say = (event: Event): void => {
    event.preventDefault();
    if (!choice || resuming.peek()) return;
    if (choice !== "done") return onSaid({ unknown: choice });
    const given = result.trim() ? parse(result) : parse("null");
    if (given.ok) return onSaid({ unknown: choice, result: given.value });
    setFault(given.text);
    area.current?.focus();
    const span = place(given, "");
    if (span) area.current?.setSelectionRange(span.start, span.end);
  };
  return (
    <form onSubmit={say}>
      <p>The process ended during this call, which writes. Look whether it happened, then say what became of it:</p>
      <Writes run={run} why={why} />
      <fieldset class="change">
        <legend class="hidden-text">What became of it</legend>
        {CHOICES.map(([key, name, means], at) => (
          <label key={key} class="outcome"><input type="radio" name="outcome" autofocus={at === 0} checked={choice === key} onChange={() => setChoice(key)} /><span><strong>{name}</strong>: {means}</span></label>
        ))}
        {choice === "done" ? (
          <>
            <textarea
              ref={area} class="edit-text edit-short" aria-label="Result" spellcheck={false} placeholder={'as JSON: "booked", {"id": 7}; nothing is null'} value={result}
              aria-invalid={fault !== ""} aria-describedby={fault ? "resume-fault" : undefined} onInput={(event) => { setResult(event.currentTarget.value); setFault(""); }}
            />
            {fault ? <p id="resume-fault" class="fault" role="alert">{fault}</p> : null}
          </>
        ) : null}
      </fieldset>
      <div class="foot">
        <button type="submit" class="quiet main" aria-disabled={!choice || resuming.value !== ""}>go on</button>
        <Close>cancel</Close>
      </div>
    </form>
  );
}

/** It was refused: why, and what can be done instead. */
function Refused({ why, onAgain, onClose }: { readonly why: Refusal; readonly onAgain: (back: boolean) => void; readonly onClose: () => void }) {
  const ways = useRef<HTMLDivElement>(null);
  useEffect(() => ways.current?.querySelector("button")?.focus(), [why.slug]);
  const follower = followerIn(why);
  const moved = why.slug === "moved_on";
  const changed = why.slug === "conflict" && !follower;
  const open = (run: string): void => {
    onClose();
    go({ run, frame: 0, node: "", visit: 1, room: "frames" }, true);
  };
  return (
    <>
      <p class="fault" role="alert">{moved ? "The conversation went on after this run, and the run that goes on would take its place." : why.text}</p>
      {moved ? <p class="faint">Going back makes the end of this run the state of the conversation again. What was said since leaves the conversation; its runs stay.</p> : null}
      <div class="foot" ref={ways}>
        {follower && !moved ? <button type="button" class="quiet main" onClick={() => open(follower)}>open {shortId(follower)}</button> : null}
        {moved || changed ? <button type="button" class="quiet main" onClick={() => { dialog.value = "fork"; }}>fork it</button> : null}
        {moved ? <button type="button" class="quiet" aria-disabled={resuming.value !== ""} onClick={() => onAgain(true)}>go back there and resume</button> : null}
        {moved || changed || follower ? null : <button type="button" class="quiet main" aria-disabled={resuming.value !== ""} onClick={() => onAgain(false)}>try again</button>}
        <button type="button" class="quiet" onClick={onClose}>cancel</button>
      </div>
    </>
  );
}

export function ResumeDialog({ run, onClose }: { readonly run: RunView; readonly onClose: () => void }) {
  const [said, setSaid] = useState<Outcome>();
  const why = refusal.value;
  const again = (outcome = said, back = false): void => {
    setSaid(outcome);
    void goOn(run.run_id, outcome, back);
  };
  return (
    <Dialog label="Resume" kind="broad" onClose={onClose}>
      <h2>Go on with <span class="faint mono">{shortId(run.run_id)}</span></h2>
      {why?.run_id !== run.run_id ? null : why.slug === "unknown_outcome" ? (
        <Ask run={run} why={why} onSaid={again} />
      ) : (
        <Refused why={why} onAgain={(back) => again(said, back)} onClose={onClose} />
      )}
    </Dialog>
  );
}
