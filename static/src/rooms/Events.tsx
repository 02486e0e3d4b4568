/** Everything that happens, as it happens. Follows the end until the reader scrolls up. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { clock, count, oneLine, shortId } from "../lib/format";
import { compile } from "../lib/query";
import { RingView } from "../lib/view";
import { events, version } from "../store/events";
import { go, place } from "../store/place";
import type { TraceLine } from "../wire/lines";
import { Empty, Search } from "../ui/bits";
import { Icon } from "../ui/Icon";
import { JsonTree } from "../ui/JsonTree";
import { VirtualList } from "../ui/VirtualList";

const COMMON = new Set(["seq", "ts", "run_id", "channel", "node", "event", "frame", "type"]);
const gists = new WeakMap<TraceLine, string>();

/** An event in few words, made once. */
function gist(line: TraceLine): string {
  let words = gists.get(line);
  if (words === undefined) {
    words = oneLine(
      Object.entries(line)
        .filter(([key]) => !COMMON.has(key))
        .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
        .join("  "),
      260,
    );
    gists.set(line, words);
  }
  return words;
}

function Row({ line }: { readonly line: TraceLine }) {
  const run = "run_id" in line ? line.run_id : "";
  return (
    <div class={`event-row kind-${line.event}`}>
      <span class="faint">{"ts" in line ? clock(line.ts) : ""}</span>
      <span class="event-node">{line.node}</span>
      <span class="event-name">{line.event}</span>
      <span class="event-run faint">{run ? shortId(run) : ""}</span>
      <span class="event-gist">{gist(line)}</span>
    </div>
  );
}

function Detail({ line }: { readonly line: TraceLine }) {
  const run = "run_id" in line ? line.run_id : "";
  return (
    <div class="event-detail" role="region" aria-label={`Event ${line.seq}`} tabIndex={0}>
      <header>
        <strong class="mono">{line.event} <span class="faint">seq {line.seq}</span></strong>
        {run ? <button type="button" class="link" onClick={() => go({ room: "frames", run, frame: 0, node: "" }, true)}>show run {shortId(run)}</button> : null}
        <button type="button" class="quiet" aria-label="Close" onClick={() => go({ seq: 0 })}><Icon name="cross" /></button>
      </header>
      <JsonTree value={line} depth={3} />
    </div>
  );
}

export function Events() {
  const { ev, seq } = place.value;
  const view = useMemo(() => new RingView(events, compile(ev)), [ev]);
  const [follow, setFollow] = useState(seq === 0);
  const left = useRef(0);
  version.value;
  view.sync();
  const end = view.start + view.length;
  const at = seq ? view.find(seq, (line) => line.seq) : -1;
  const chosen = at >= 0 && view.at(at)?.seq === seq ? view.at(at) : undefined;
  const setFollowing = (next: boolean): void => {
    left.current = end;
    setFollow(next);
  };
  useEffect(() => {
    if (seq && follow) setFollowing(false);
  }, [seq]);
  const missed = follow ? 0 : Math.max(0, end - left.current);
  return (
    <section class="room room-events" aria-label="Events">
      <div class="bar-top">
        <Search label="Filter events" hint="node:thinker event:tool -event:streaming word" value={ev} onChange={(value) => go({ ev: value })} />
        <span class="faint mono">{count(view.length)}{view.start ? `, older forgotten` : ""}</span>
      </div>
      {view.length ? (
        <VirtualList
          id="event" label="Events" count={view.length} dropped={view.start} rowHeight={22} selected={chosen ? at : -1} follow={follow} onFollow={setFollowing}
          onSelect={(index) => {
            setFollowing(false);
            go({ seq: view.at(index)?.seq ?? 0 });
          }}
          row={(index) => {
            const line = view.at(index);
            return line ? <Row line={line} /> : null;
          }}
        />
      ) : (
        <Empty title={ev ? "No event matches." : "No events yet."}>{ev ? "Clear the filter to see all." : <>Send a message, or: <code>curl …/api/trace</code></>}</Empty>
      )}
      {follow || !view.length ? null : (
        <button type="button" class="new-events" onClick={() => { go({ seq: 0 }); setFollowing(true); }}>
          {missed ? `${count(missed)} new` : "to the end"} <Icon name="down" />
        </button>
      )}
      {chosen ? <Detail line={chosen} /> : null}
    </section>
  );
}
