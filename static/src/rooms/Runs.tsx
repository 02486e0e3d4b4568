/** All runs that were recorded, newest first. The filter is part of the address. */
import { useEffect, useRef } from "preact/hooks";
import { count, money, ms, oneLine, shortId, stamp } from "../lib/format";
import { fault, further, loaded, more, past, search } from "../store/history";
import { attempt } from "../store/notice";
import { go, place } from "../store/place";
import { shownId } from "../store/runs";
import { narrow } from "../store/screen";
import type { Summary } from "../wire/lines";
import { Empty, Search, Status } from "../ui/bits";
import { VirtualList } from "../ui/VirtualList";
import { AtWork } from "./AtWork";
import { pickRun } from "./choose";
import { Import } from "./Import";

const WAIT_MS = 180;

function Row({ run }: { readonly run: Summary }) {
  return (
    <div class="run-row">
      <Status of={run.outcome} bare />
      <span class="mono faint" title={run.run_id}>{shortId(run.run_id)}</span>
      <span class="run-message">{oneLine(run.message) || run.kind}</span>
      <span class="run-wide">{run.kind === "message" ? "" : run.kind}</span>
      <span class="run-some mono">{run.path || "—"}</span>
      <span class="mono num">{count(run.total_frames)}</span>
      <span class="mono num">{ms(run.total_ms)}</span>
      <span class="run-some mono num">{count(run.tokens)}</span>
      <span class="run-wide mono num">{money(run.cost)}</span>
      <span class="run-wide mono num faint">{stamp(run.started)}</span>
    </div>
  );
}

function Names() {
  return (
    <div class="run-row run-names" aria-hidden="true">
      <span /><span>run</span><span>message</span><span class="run-wide">kind</span><span class="run-some">path</span>
      <span class="num">frames</span><span class="num">time</span><span class="run-some num">tokens</span><span class="run-wide num">cost</span><span class="run-wide num">started</span>
    </div>
  );
}

export function Runs() {
  const { q } = place.value;
  useEffect(() => {
    const timer = window.setTimeout(() => void search(q), WAIT_MS);
    return () => window.clearTimeout(timer);
  }, [q]);
  const all = fault.value ? [] : past.value;
  // What came in before the first that was there: the view stays on what is read.
  const front = useRef({ run_id: "", came: 0 });
  const came = all.findIndex((run) => run.run_id === front.current.run_id);
  front.current = { run_id: all[0]?.run_id ?? "", came: front.current.came + Math.max(0, came) };
  return (
    <section class="room room-runs" aria-label="Runs">
      <div class="bar-top">
        <Search label="Filter runs" hint="message, #12, path:director, node:thinker, status:error" value={q} onChange={(value) => go({ q: value })} />
        <Import />
        <span class="faint mono">{fault.value ? "" : `${count(all.length)}${more.value ? "+" : ""}`}</span>
      </div>
      {fault.value ? <p class="fault" role="alert">{fault.value}</p> : null}
      <Names />
      {all.length ? (
        <VirtualList
          id="run" label="Runs" count={all.length} dropped={-front.current.came} rowHeight={28} selected={all.findIndex((run) => run.run_id === shownId.value)}
          onSelect={(index) => pickRun(all[index], narrow.value ? "frames" : "runs")} row={(index) => <Row run={all[index] as Summary} />}
        />
      ) : loaded.value && !fault.value ? (
        q ? <Empty title="No run matches.">Clear the filter to see all runs.</Empty> : <Empty title="No runs yet.">Send a message, or: <code>python3 run.py send "hello"</code></Empty>
      ) : null}
      {more.value && !fault.value ? <button type="button" class="quiet more" onClick={() => void attempt(further(q))}><span>older runs</span></button> : null}
      <AtWork />
    </section>
  );
}
