/** A run that was cut can go on, as a new one. */
import { resuming } from "../store/resumes";
import { resumable, type RunView } from "../store/visits";
import { Icon } from "../ui/Icon";
import { goOn } from "./resume";

export function ResumeButton({ run }: { readonly run: RunView }) {
  if (!resumable(run)) return null;
  return (
    <button type="button" class="quiet" title="Go on where it was cut, as a new run; what was finished is not done again" aria-disabled={resuming.value !== ""} onClick={() => void goOn(run.run_id)}>
      <Icon name="on" />resume
    </button>
  );
}
