/** What a visit wrote into the channel's state, with what the same run had there before. */
import "../styles/calls.css";
import { pretty } from "../lib/format";
import type { RunView, Visit } from "../store/visits";
import type { Change } from "../wire/types.gen";
import { Empty } from "../ui/bits";

function before(run: RunView, visit: Visit, path: string): Change | undefined {
  let found: Change | undefined;
  for (const earlier of run.visits) {
    if (earlier === visit) break;
    for (const change of earlier.record?.changes ?? []) if (change.path.join("/") === path) found = change;
  }
  return found;
}

export function Changes({ run, visit }: { readonly run: RunView; readonly visit: Visit }) {
  const changes = visit.record?.changes ?? [];
  if (changes.length === 0) return <Empty title="This node changed no state." />;
  return (
    <ol class="changes">
      {changes.map((change, index) => {
        const path = change.path.join("/");
        const old = before(run, visit, path);
        return (
          <li key={index}>
            <p class="mono change-path">{path} <span class="faint">{change.gone ? "removed" : "written"}</span></p>
            {old ? <pre class="change-old">{pretty(old.value)}</pre> : null}
            {change.gone ? null : <pre class="change-new">{pretty(change.value ?? null)}</pre>}
          </li>
        );
      })}
    </ol>
  );
}
