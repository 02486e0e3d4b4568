/** One of the runs that are listed. */
import { oneLine, shortId } from "../lib/format";
import type { Summary } from "../wire/lines";

export function RunChoice(props: { readonly label: string; readonly runs: readonly Summary[]; readonly value: string; readonly autofocus?: boolean; readonly onChoose: (run_id: string) => void }) {
  return (
    <label class="stretch">{props.label}<select required autofocus={props.autofocus ?? false} value={props.value} onChange={(event) => props.onChoose(event.currentTarget.value)}>
      {props.value ? null : <option value="">choose a run</option>}
      {props.runs.map((one) => <option key={one.run_id} value={one.run_id}>{shortId(one.run_id)} {one.kind === "message" ? "" : `${one.kind} `}{oneLine(one.message, 60)}</option>)}
    </select></label>
  );
}
