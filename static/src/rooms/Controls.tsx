/** The workspace beside the chat: what answers put there, and machines that stay. All of it is text. */
import "../styles/controls.css";
import { arrange, clickData, local, type Machine, percentOf } from "../lib/controls";
import { type Fields, table, text } from "../lib/json";
import { clicked, controls } from "../store/chat";
import { attempt } from "../store/notice";
import { act } from "../store/session";
import { DataTable } from "../ui/DataTable";

function click(control: Fields): void {
  if (clicked.value === control && !local(control)) return;
  clicked.value = control;
  const sent = act(text(control["action"]), clickData(control));
  sent.catch(() => { clicked.value = null; });
  void attempt(sent);
}

const caption = (control: Fields): string => text(control["label"] ?? control["var"]);

function Button({ control }: { readonly control: Fields }) {
  const sent = clicked.value === control;
  return (
    <button type="button" class={`control ${sent ? "control-sent" : ""}`} aria-busy={sent} aria-disabled={sent && !local(control)} onClick={() => click(control)}>
      {text(control["label"]) || text(control["action"])}
    </button>
  );
}

function Progress({ name, value, share }: { readonly name: string; readonly value: string; readonly share: number }) {
  return (
    <div class="control-wide control-progress">
      <span>{name}</span><span class="mono">{value}</span>
      <progress max={100} value={share} aria-label={name || "progress"} />
    </div>
  );
}

function Display({ control }: { readonly control: Fields }) {
  const kind = text(control["type"]);
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
  const share = kind === "progress" ? percentOf(value) : null;
  if (share !== null) return <Progress name={caption(control)} value={text(value)} share={share} />;
  return (
    <div class="control-label">
      {caption(control) && value !== undefined ? <span class="faint">{caption(control)}</span> : null}
      <span class="mono" aria-live="polite">{value === undefined ? caption(control) : value === null ? "—" : text(value)}</span>
    </div>
  );
}

const Control = ({ control }: { readonly control: Fields }) =>
  (text(control["type"]) || "button") === "button" ? <Button control={control} /> : <Display control={control} />;

function Card({ machine }: { readonly machine: Machine }) {
  return (
    <div class="machine" role="group" aria-label={`Machine ${machine.id}`}>
      <p class="machine-head"><span class="faint">{machine.id}</span> <span class="machine-state mono" aria-live="polite">{machine.state}</span></p>
      {machine.says ? <p class="machine-says">{machine.says}</p> : null}
      <div class="machine-buttons">{machine.buttons.map((control, index) => <Button key={index} control={control} />)}</div>
    </div>
  );
}

export function Controls() {
  const { loose, machines } = arrange(controls.value);
  if (loose.length + machines.length === 0) return null;
  return (
    <section class="controls" aria-label="Controls" tabIndex={0}>
      {loose.map((control, index) => <Control key={index} control={control} />)}
      {machines.length ? <div class="machines">{machines.map((machine) => <Card key={machine.id} machine={machine} />)}</div> : null}
    </section>
  );
}
