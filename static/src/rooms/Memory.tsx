/** What the runtime remembers between messages, and what the shown run wrote. */
import "../styles/memory.css";
import { fields, text } from "../lib/json";
import { controls } from "../store/chat";
import { changed, memory } from "../store/memory";
import { go } from "../store/place";
import { shown } from "../store/runs";
import type { RunView, Visit } from "../store/visits";
import type { Change } from "../wire/types.gen";
import { Empty } from "../ui/bits";
import { JsonTree } from "../ui/JsonTree";

function Remembered() {
  const kept = memory.value;
  if (!kept || Object.keys(kept).length === 0) return <Empty title="Nothing is remembered yet.">Say something; the memorizer works after each answer.</Empty>;
  return (
    <dl class="pairs pairs-wide">
      {Object.entries(kept).map(([key, value]) => (
        <div key={key} class={changed.value.has(key) ? "fresh" : ""}>
          <dt>{key}{changed.value.has(key) ? <span class="tag">changed</span> : null}</dt>
          <dd>{typeof value === "object" && value !== null ? <JsonTree value={value} depth={1} /> : text(value) || "—"}</dd>
        </div>
      ))}
    </dl>
  );
}

interface Written {
  readonly visit: Visit;
  readonly change: Change;
}

const written = (run: RunView): Written[] =>
  run.visits.flatMap((visit) => (visit.record?.changes ?? []).map((change) => ({ visit, change })));

/** What is large stays folded under the last name of its path. */
function Value({ change: { path, value } }: { readonly change: Change }) {
  if (typeof value !== "object" || value === null) return <>{text(value) || "—"}</>;
  return <JsonTree value={{ [path[path.length - 1] ?? "value"]: value }} depth={0} />;
}

function Writes({ run }: { readonly run: RunView | null }) {
  const all = run ? written(run) : [];
  if (!run || all.length === 0) return <Empty title={run?.trace ? "The shown run wrote no state." : run?.visits.some((visit) => visit.record) ? "The frames that were looked at wrote no state." : "Choose a finished run to see what it wrote."} />;
  return (
    <table class="writes">
      <thead><tr><th scope="col">path</th><th scope="col">value</th><th scope="col">written by</th></tr></thead>
      <tbody>
        {all.map(({ visit, change }, index) => (
          <tr key={index}>
            <td class="mono">{change.path.join(" / ")}</td>
            <td class="mono">{change.gone ? <em>removed</em> : <Value change={change} />}</td>
            <td>
              <button type="button" class="link" onClick={() => go({ run: run.run_id, frame: visit.frame, node: visit.node, visit: visit.visit, tab: "state", room: "frames" }, true)}>
                {visit.node}, {visit.post ? "after the answer" : `frame ${visit.frame}`}
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function MemoryRoom() {
  const shownControls = controls.value.map(fields);
  return (
    <section class="room room-memory scroll" aria-label="Memory and state" tabIndex={0}>
      <h2>Memory</h2>
      <Remembered />
      <h2>Written by the shown run</h2>
      <Writes run={shown.value} />
      <h2>Controls on the page</h2>
      {shownControls.length ? <JsonTree value={shownControls} depth={1} /> : <Empty title="No controls.">Try <q>make a counter</q>.</Empty>}
    </section>
  );
}
