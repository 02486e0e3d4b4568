/** One run of all that are recorded: the newest are offered, older ones and others are searched for. */
import { useEffect, useRef, useState } from "preact/hooks";
import { oneLine, shortId } from "../lib/format";
import { page, type Page } from "../store/history";
import { known } from "../store/runs";
import type { Summary } from "../wire/lines";

const WAIT_MS = 180;
const NONE: Page = { traces: [], next: null };

interface Props {
  readonly label: string;
  readonly value: string;
  /** Which of those found can be chosen. */
  readonly able: (run: Summary) => boolean;
  readonly autofocus?: boolean;
  readonly onChoose: (run_id: string) => void;
}

const nameOf = (run: { readonly run_id: string; readonly kind: string; readonly message: string }): string =>
  `${shortId(run.run_id)} ${run.kind === "message" ? "" : `${run.kind} `}${oneLine(run.message, 60)}`;

/** The chosen one stays on offer, whatever was searched for since. */
function Chosen({ run_id }: { readonly run_id: string }) {
  const run = known(run_id);
  return <option value={run_id}>{run ? nameOf(run) : shortId(run_id)}</option>;
}

export function RunChoice({ label, value, able, autofocus = false, onChoose }: Props) {
  const [q, setQ] = useState("");
  const [found, setFound] = useState<Page>();
  const [fault, setFault] = useState("");
  const turn = useRef(0);
  const read = (before: Page): void => {
    const mine = ++turn.current;
    page(q.trim(), before.next).then(
      ({ traces, next }) => { if (mine === turn.current) { setFound({ traces: [...before.traces, ...traces], next }); setFault(""); } },
      (error: unknown) => { if (mine === turn.current) setFault(error instanceof Error ? error.message : String(error)); },
    );
  };
  useEffect(() => {
    const timer = window.setTimeout(() => read(NONE), found ? WAIT_MS : 0);
    return () => window.clearTimeout(timer);
  }, [q]);
  const runs = found?.traces.filter(able) ?? [];
  const told = fault || (found && runs.length === 0 ? (found.next ? "None so far." : q.trim() ? "No run matches." : "There is no other run yet.") : "");
  return (
    <>
      <label class="stretch">{label}<select required autofocus={autofocus} value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {value ? null : <option value="">choose a run</option>}
        {value && !runs.some((one) => one.run_id === value) ? <Chosen run_id={value} /> : null}
        {runs.map((one) => <option key={one.run_id} value={one.run_id}>{nameOf(one)}</option>)}
      </select></label>
      <label>find a run<input
        type="search" spellcheck={false} autocomplete="off" placeholder="#12 or words" value={q} onInput={(event) => setQ(event.currentTarget.value)}
        onKeyDown={(event) => { if (event.key === "Enter") event.preventDefault(); }}
      /></label>
      {found?.next ? <button type="button" class="quiet" onClick={() => read(found)}>older runs</button> : null}
      <span class={fault ? "fault" : "faint"} role="status">{told}</span>
    </>
  );
}
