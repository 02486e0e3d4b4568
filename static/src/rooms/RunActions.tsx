/** What can be made of a run that has ended: a test, a file. Its place is kept while the run works. */
import { shortId } from "../lib/format";
import { Icon } from "../ui/Icon";
import { isBaseline, toggleBaseline } from "../store/debug";
import { ended, type RunView } from "../store/visits";
import { attempt } from "../store/notice";
import { adopt } from "../store/session";
import { dialog } from "./dialogs";
import { ResumeButton } from "./ResumeButton";

const exported = (run_id: string, format: "html" | "zip"): string => `/api/traces/${encodeURIComponent(run_id)}/export?format=${format}`;

/** What was stopped half-way has no end that a conversation could go on from. */
const CUT: ReadonlySet<string> = new Set(["cancelled", "interrupted"]);

/** Whether others are held where they depart from this run. */
function Baseline({ run_id }: { readonly run_id: string }) {
  const on = isBaseline(run_id);
  return (
    <button type="button" class="quiet" aria-pressed={on} aria-label={`baseline: hold where a run departs from ${shortId(run_id)}`} title="Hold a run where it first departs from this one" onClick={() => void toggleBaseline(run_id)}>
      <span class="glyph" aria-hidden="true">{on ? "●" : "○"}</span>baseline
    </button>
  );
}

export function RunActions({ run }: { readonly run: RunView }) {
  return (
    <div class={`run-actions ${ended(run) ? "" : "run-unfinished"}`} role="group" aria-label="What to make of this run">
      <ResumeButton run={run} />
      <button type="button" class="quiet" title="Checks proved on mutations, and a cassette to play them from (t)" onClick={() => { dialog.value = "test"; }}><Icon name="check" />make a test</button>
      <button type="button" class="quiet" title="Go on from a frame with something changed (w)" onClick={() => { dialog.value = "fork"; }}><Icon name="fork" />fork</button>
      <button type="button" class="quiet" title="Side by side with another run (d)" onClick={() => { dialog.value = "diff"; }}><Icon name="sides" />diff</button>
      {run.kind === "fork" && !CUT.has(run.status) ? <button type="button" class="quiet" title="Make its end the state of the conversation" onClick={() => void attempt(adopt(run.run_id))}><Icon name="check" />adopt</button> : null}
      <Baseline run_id={run.run_id} />
      <a class="quiet" href={exported(run.run_id, "html")} download title="One page that opens without a server"><Icon name="save" />html</a>
      <a class="quiet" href={exported(run.run_id, "zip")} download title="One file for another installation"><Icon name="save" />zip</a>
    </div>
  );
}
