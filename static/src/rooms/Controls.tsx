/** What the last answers put beside the chat: buttons, labels, tables, displays. All of it is text. */
import { fields, type Fields, table, text } from "../lib/json";
import { controls } from "../store/chat";
import { notice } from "../store/notice";
import { act } from "../store/session";
import { DataTable } from "../ui/DataTable";

/** What the server finds the button by: its machine, else its exact payload. */
function data(control: Fields): unknown {
  const { machine_id, go, payload } = control;
  return machine_id === undefined ? (payload ?? null) : { machine_id, go, payload };
}

function click(control: Fields): void {
  const sent = act(text(control["action"]), data(control));
  if (!sent) notice.value = "The click was not sent: the chat socket is not open. Try again when the page is live.";
}

const caption = (control: Fields): string => text(control["label"] ?? control["var"]);

function Control({ control }: { readonly control: Fields }) {
  const kind = text(control["type"]) || "button";
  if (kind === "button") {
    return <button type="button" class="control" onClick={() => click(control)}>{text(control["label"]) || text(control["action"])}</button>;
  }
  const cells = kind === "table" ? table(control) : null;
  if (cells) {
    return (
      <div class="control-wide">
        {caption(control) ? <p class="control-name">{caption(control)}</p> : null}
        <DataTable table={cells} caption={caption(control) || "Table"} />
      </div>
    );
  }
  const value = control["var"] === undefined ? control["text"] : control["value"];
  return (
    <div class="control-label">
      {caption(control) && value !== undefined ? <span class="faint">{caption(control)}</span> : null}
      <span class="mono">{value === undefined ? caption(control) : value === null ? "—" : text(value)}</span>
    </div>
  );
}

export function Controls() {
  const all = controls.value.map(fields);
  if (all.length === 0) return null;
  return (
    <section class="controls" aria-label="Controls" tabIndex={0}>
      {all.map((control, index) => (
        <Control key={`${text(control["machine_id"])}/${text(control["action"])}/${index}`} control={control} />
      ))}
    </section>
  );
}
