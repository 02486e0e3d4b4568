/** What one run was, in one line of figures, and its replay. */
import { count, money, ms, oneLine, shortId, stamp } from "../lib/format";
import { follow, go, place } from "../store/place";
import { attempt } from "../store/notice";
import { replay, replays } from "../store/replay";
import { lagOf } from "../store/runs";
import { cancel } from "../store/session";
import { ended, type RunView } from "../store/visits";
import { Figure, Status } from "../ui/bits";
import { Icon } from "../ui/Icon";
import { AtWork, isOf } from "./AtWork";
import { Verdict } from "./parts";
import { RunActions } from "./RunActions";

function ReplayButton({ run }: { readonly run: RunView }) {
  const state = replays.value.get(run.run_id);
  return (
    <button type="button" class="quiet" disabled={state?.is === "running"} onClick={() => void replay(run.run_id)} title="Run the current code against the recording (r)">
      <Icon name="replay" />{state?.is === "running" ? "replaying" : "replay"}
    </button>
  );
}

function CancelButton({ run_id }: { readonly run_id: string }) {
  return <button type="button" class="quiet" onClick={() => void attempt(cancel(run_id))} title="Stop this run"><Icon name="stop" />cancel</button>;
}

function Resumed({ from }: { readonly from: string }) {
  return <Figure name="goes on with" title={from}><button type="button" class="link mono" onClick={() => go({ run: from, frame: 0, node: "", visit: 1 }, true)}>{shortId(from)}</button></Figure>;
}

export function RunHead({ run }: { readonly run: RunView | null }) {
  const state = run ? replays.value.get(run.run_id) : undefined;
  const pinned = place.value.run !== "";
  return (
    <header class="run-head">
      <div class="run-title">
        <h2>{run ? oneLine(run.message, 160) || run.kind : "No run"}</h2>
        {run ? <Status of={run.status} /> : null}
        <button type="button" class="quiet" aria-pressed={!pinned} onClick={() => (pinned || !run ? follow() : go({ run: run.run_id }))} title="Show the newest run as it comes">
          <span class="glyph" aria-hidden="true">{pinned ? "○" : "●"}</span>follow
        </button>
        {run ? ended(run) ? <ReplayButton run={run} /> : <CancelButton run_id={run.run_id} /> : null}
      </div>
      <dl class="figures">
        <Figure name="run" title={run?.run_id}>{run ? shortId(run.run_id) : "—"}</Figure>
        <Figure name="path">{run?.path || "—"}</Figure>
        <Figure name="frames">{count(run?.total_frames)}</Figure>
        <Figure name="time">{ms(run?.total_ms)}</Figure>
        <Figure name="tokens">{count(run?.tokens)}</Figure>
        <Figure name="cost">{money(run?.cost)}</Figure>
        <Figure name="graph" title={run?.revision}>{run?.graph || "—"}</Figure>
        {run?.imported_from ? <Figure name="imported from" title={run.imported_from}>{shortId(run.imported_from)}</Figure> : null}
        {run?.trace?.resumed_from ? <Resumed from={run.trace.resumed_from} /> : null}
        <Figure name="started">{stamp(run?.started)}</Figure>
        {run && lagOf(run.run_id) ? (
          <Figure name="loop blocked" title="A node kept everything else waiting; the event names the line">
            <button type="button" class="link mono" onClick={() => go({ room: "events", ev: `event:loop_lag run:${run.run_id}`, seq: 0 }, true)}>{ms(lagOf(run.run_id))}</button>
          </Figure>
        ) : null}
      </dl>
      {run ? <RunActions run={run} /> : null}
      {run ? <AtWork which={isOf(run.run_id)} /> : null}
      {state?.is === "done" ? <Verdict verdict={state.verdict} /> : null}
      {state?.is === "failed" ? <p class="verdict status-error" role="status">Replay could not run: {state.text}</p> : null}
    </header>
  );
}
