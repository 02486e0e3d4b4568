/** What one run was, in one line of figures, and its replay. */
import { count, money, ms, oneLine, shortId, stamp } from "../lib/format";
import { fields, items, text } from "../lib/json";
import { follow, go, place } from "../store/place";
import { replay, replays } from "../store/replay";
import { lagOf } from "../store/runs";
import type { RunView } from "../store/visits";
import type { Verdict } from "../wire/lines";
import { Figure, Status } from "../ui/bits";
import { Icon } from "../ui/Icon";
import { WordDiff } from "../ui/WordDiff";

const FINAL = new Set(["done", "error", "cancelled", "interrupted"]);

function changes(given: unknown): string {
  const names = Array.isArray(given) ? items(given).map(text) : Object.keys(fields(given));
  return names.length ? `changed since: ${names.join(", ")}` : "";
}

function Verdict({ verdict }: { readonly verdict: Verdict }) {
  const { divergence } = verdict;
  return (
    <div class="verdict" role="status">
      <p>
        <Status of={verdict.verdict} /> <strong class="mono">{count(verdict.matched)}/{count(verdict.total)}</strong>
        <span class="faint"> {verdict.verdict === "exact" ? "effects answered from the recording, nothing was called" : changes(verdict.changed_revisions)}</span>
        {verdict.replay_run_id ? <> <button type="button" class="link" onClick={() => go({ run: verdict.replay_run_id, frame: 0, node: "" }, true)}>open replay {shortId(verdict.replay_run_id)}</button></> : null}
      </p>
      {divergence ? (
        <>
          <p>
            First divergence: <button type="button" class="link mono" onClick={() => go({ frame: divergence.frame, node: divergence.node, visit: 1 })}>frame {divergence.frame} · {divergence.node} · {divergence.field}</button>
          </p>
          <WordDiff expected={divergence.expected} got={divergence.got} />
        </>
      ) : null}
    </div>
  );
}

function ReplayButton({ run }: { readonly run: RunView }) {
  const state = replays.value.get(run.run_id);
  return (
    <button type="button" class="quiet" disabled={!FINAL.has(run.status) || state?.is === "running"} onClick={() => void replay(run.run_id)} title="Run the current code against the recording (r)">
      <Icon name="replay" />{state?.is === "running" ? "replaying" : "replay"}
    </button>
  );
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
        {run ? <ReplayButton run={run} /> : null}
      </div>
      <dl class="figures">
        <Figure name="run" title={run?.run_id}>{run ? shortId(run.run_id) : "—"}</Figure>
        <Figure name="path">{run?.path || "—"}</Figure>
        <Figure name="frames">{count(run?.total_frames)}</Figure>
        <Figure name="time">{ms(run?.total_ms)}</Figure>
        <Figure name="tokens">{count(run?.tokens)}</Figure>
        <Figure name="cost">{money(run?.cost)}</Figure>
        <Figure name="graph" title={run?.revision}>{run?.graph || "—"}</Figure>
        <Figure name="started">{stamp(run?.started)}</Figure>
        {run && lagOf(run.run_id) ? (
          <Figure name="loop blocked" title="A node kept everything else waiting; the event names the line">
            <button type="button" class="link mono" onClick={() => go({ room: "events", ev: `event:loop_lag run:${run.run_id}`, seq: 0 }, true)}>{ms(lagOf(run.run_id))}</button>
          </Figure>
        ) : null}
      </dl>
      {state?.is === "done" ? <Verdict verdict={state.verdict} /> : null}
      {state?.is === "failed" ? <p class="verdict status-error" role="status">Replay could not run: {state.text}</p> : null}
    </header>
  );
}
