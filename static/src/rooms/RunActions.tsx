/** What can be made of a run that has ended: a test, a file. Its place is kept while the run works. */
import { Icon } from "../ui/Icon";
import { ended, type RunView } from "../store/visits";
import { attempt } from "../store/notice";
import { adopt } from "../store/session";
import { dialog } from "./dialogs";

const exported = (run_id: string, format: "html" | "zip"): string => `/api/traces/${encodeURIComponent(run_id)}/export?format=${format}`;

export function RunActions({ run }: { readonly run: RunView }) {
  return (
    <div class={`run-actions ${ended(run) ? "" : "run-unfinished"}`} role="group" aria-label="What to make of this run">
      <button type="button" class="quiet" title="Checks proved on mutations, and a cassette to play them from (t)" onClick={() => { dialog.value = "test"; }}><Icon name="check" />make a test</button>
      <button type="button" class="quiet" title="Go on from a frame with something changed (w)" onClick={() => { dialog.value = "fork"; }}><Icon name="fork" />fork</button>
      <button type="button" class="quiet" title="Side by side with another run (d)" onClick={() => { dialog.value = "diff"; }}><Icon name="sides" />diff</button>
      {run.kind === "fork" ? <button type="button" class="quiet" title="Make its end the state of the conversation" onClick={() => void attempt(adopt(run.run_id))}><Icon name="check" />adopt</button> : null}
      <a class="quiet" href={exported(run.run_id, "html")} download title="One page that opens without a server"><Icon name="save" />html</a>
      <a class="quiet" href={exported(run.run_id, "zip")} download title="One file for another installation"><Icon name="save" />zip</a>
    </div>
  );
}
