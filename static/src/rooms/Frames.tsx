/** One run as a waterfall: a lane per frame, a bar per node's visit, effects inside the bars. */
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Axis, axis, bar, ruler } from "../lib/waterfall";
import { ms, shortId } from "../lib/format";
import { held, isHeld, placeOf } from "../store/debug";
import { loadFault, selected, shown, shownId } from "../store/runs";
import type { RunView, Visit } from "../store/visits";
import { Empty } from "../ui/bits";
import { VirtualList } from "../ui/VirtualList";
import { choose } from "./choose";
import { RunHead } from "./RunHead";

const ROW = 26;

const percent = (value: number): string => `${value.toFixed(3)}%`;

function Effects({ visit, on, now }: { readonly visit: Visit; readonly on: Axis; readonly now: number }) {
  return (
    <>
      {(visit.effects ?? []).filter((effect) => effect.kind === "model" || effect.kind === "tool").map((effect) => {
        const { left, width } = bar({ start: effect.started, end: effect.ended ?? null }, on, now);
        return <span key={effect.effect_id} class={`bar bar-${effect.kind}`} style={{ left: percent(left), width: percent(width) }} />;
      })}
    </>
  );
}

function Row({ run_id, visit, first, on, now }: { readonly run_id: string; readonly visit: Visit; readonly first: boolean; readonly on: Axis; readonly now: number }) {
  const { left, width } = bar({ start: visit.started, end: visit.duration === null ? null : visit.started + visit.duration }, on, now);
  const kind = visit.error ? "bar-error" : visit.duration === null ? "bar-running" : visit.post ? "bar-post" : "";
  const here = isHeld(visit, run_id);
  const way = [visit.route ? `→ ${visit.route}` : "", visit.condition].filter(Boolean).join("  ");
  return (
    <div class={`frame-row ${first ? "lane" : ""} ${visit.post ? "post" : ""} ${here ? "held" : ""}`} title={[visit.output, way, visit.error].filter(Boolean).join("\n")}>
      <span class="frame-number">{first ? (visit.post ? "post" : visit.frame) : ""}</span>
      <span class="frame-node">{visit.error ? <span class="status-error" aria-hidden="true">✕ </span> : null}{here ? "‖ " : ""}{visit.node}{visit.visit > 1 ? <span class="faint"> ×{visit.visit}</span> : null}</span>
      <span class="frame-track">
        <span class={`bar bar-visit ${kind}`} style={{ left: percent(left), width: percent(width) }} />
        <Effects visit={visit} on={on} now={now} />
      </span>
      <span class="frame-way">{visit.error || way}</span>
      <span class="frame-ms">{visit.duration === null ? (here ? "held" : "running") : ms(visit.duration)}</span>
    </div>
  );
}

function Ruler({ on }: { readonly on: Axis }) {
  const track = useRef<HTMLSpanElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = track.current;
    if (!element) return undefined;
    const measure = (): void => setWidth(element.clientWidth);
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return (
    <div class="frame-row ruler" aria-hidden="true">
      <span class="frame-number">#</span>
      <span class="frame-node">node</span>
      <span class="frame-track" ref={track}>
        {ruler(on, width).map(({ left, text, hidden }) => (
          <span key={`${text}${left}`} class={hidden ? "tick fold" : "tick"} style={{ left: `${left}px` }} title={hidden ? `${ms(hidden)} of silence folded` : undefined}>{text}</span>
        ))}
      </span>
      <span class="frame-way">route, condition</span>
      <span class="frame-ms">time</span>
    </div>
  );
}

/** Held before a frame that has no lane yet. */
function HeldNext({ run }: { readonly run: RunView }) {
  const now = held.value;
  if (now?.run_id !== run.run_id || run.visits.some((visit) => isHeld(visit, run.run_id))) return null;
  return <p class="held-next">‖ held {placeOf(now)}</p>;
}

function Waterfall({ run }: { readonly run: RunView }) {
  const working = run.visits.some((visit) => visit.duration === null);
  const now = working ? Date.now() : 0;
  const on = useMemo(
    () => axis(run.visits.map((v) => ({ start: v.started, end: v.duration === null ? null : v.started + v.duration })), now),
    [run.visits, run.visits.length, now],
  );
  const at = selected.value ? run.visits.indexOf(selected.value) : -1;
  return (
    <div class="waterfall">
      <Ruler on={on} />
      <VirtualList
        id="frame" label={`Frames of run ${shortId(run.run_id)}`} count={run.visits.length} rowHeight={ROW} selected={at}
        onSelect={(index) => choose(run, run.visits[index])}
        row={(index) => {
          const visit = run.visits[index] as Visit;
          const before = run.visits[index - 1];
          return <Row run_id={run.run_id} visit={visit} first={before?.frame !== visit.frame || before.post !== visit.post} on={on} now={now} />;
        }}
      />
      <HeldNext run={run} />
      <p class="legend">
        <span><i class="bar bar-visit" />node</span><span><i class="bar bar-model" />model call</span><span><i class="bar bar-tool" />tool</span><span><i class="bar bar-post" />after the answer</span>
      </p>
    </div>
  );
}

export function Frames() {
  const run = shown.value;
  const fault = loadFault.value;
  return (
    <section class="room room-frames" aria-label="Frames">
      <RunHead run={run} />
      {run ? (
        <Waterfall run={run} />
      ) : fault && fault.run === shownId.value ? (
        <Empty title={fault.text}>Choose another run in Runs (<kbd>g</kbd> <kbd>r</kbd>).</Empty>
      ) : (
        <Empty title="No run yet.">Send a message, or: <code>python3 run.py send "hello"</code></Empty>
      )}
    </section>
  );
}
