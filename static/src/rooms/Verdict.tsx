/** What a replay found, and where it first differs. */
import "../styles/verdict.css";
import { count, shortId } from "../lib/format";
import { fields, items, text } from "../lib/json";
import { go } from "../store/place";
import type { Verdict as Given } from "../wire/lines";
import { Status } from "../ui/bits";
import { WordDiff } from "../ui/WordDiff";

function changes(given: unknown): string {
  const names = Array.isArray(given) ? items(given).map(text) : Object.keys(fields(given));
  return names.length ? `changed since: ${names.join(", ")}` : "";
}

export function Verdict({ verdict }: { readonly verdict: Given }) {
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
