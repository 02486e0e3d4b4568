/** Going on with an interrupted run: it is shown, or what the server wants to know is asked. */
import { go } from "../store/place";
import { type Outcome, resume } from "../store/resumes";
import { dialog } from "./dialogs";

export async function goOn(run_id: string, outcome?: Outcome, back = false): Promise<void> {
  const gone = await resume(run_id, outcome, back);
  dialog.value = gone ? "" : "resume";
  if (gone) go({ run: gone, frame: 0, node: "", visit: 1, room: "frames" }, true);
}
