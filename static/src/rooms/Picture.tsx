/** The graph as a picture. Fetched when one is first drawn: the layout is a good part of the page. */
import { useMemo } from "preact/hooks";
import { type Box, boxOf, draw, INDENT, type Line, type Net } from "../lib/layout";
import { ms } from "../lib/format";
import { dotsOf, held } from "../store/debug";
import { lit, stateOf, traffic } from "../store/graph";
import { narrow } from "../store/screen";
import { selected, shownId } from "../store/runs";
import type { Visit } from "../store/visits";
import type { Breakpoint } from "../wire/types.gen";
import { pick } from "./choose";

/** What stands under the name is set smaller. */
const SMALLER = 1.15;

const short = (name: string, letters: number): string => (name.length > letters ? `${name.slice(0, letters - 1)}…` : name);

const dotWords = (dot: Breakpoint): string => `breakpoint ${dot.on ?? dot.at}${dot.enabled ? "" : ", off"}`;

function Node({ box, net, visits, chosen }: { readonly box: Box; readonly net: Net; readonly visits: readonly Visit[]; readonly chosen: boolean }) {
  const { width, height, letters } = boxOf(net);
  const state = stateOf(visits);
  const spent = visits.every((v) => v.duration !== null) ? visits.reduce((sum, v) => sum + (v.duration ?? 0), 0) : null;
  const here = held.value?.node === box.id && held.value.run_id === shownId.value;
  const dots = dotsOf(box.id);
  const about = here ? "held" : visits.length ? (spent === null ? state : ms(spent)) : (net.impl[box.id] ?? "");
  return (
    <g
      class={`node node-${here ? "held" : state} ${chosen ? "chosen" : ""}`} data-node={box.id} transform={`translate(${box.x - width / 2},${box.y - height / 2})`}
      role="button" tabindex={0} aria-pressed={chosen} aria-description={[here ? "held" : state, ...dots.map(dotWords)].join(", ")}
      onClick={() => pick(visits)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        pick(visits);
      }}
    >
      {box.id.length > letters ? <title>{box.id}</title> : null}
      <rect width={width} height={height} rx="5" />
      <circle class="lamp" cx="12" cy="14" r="3.5" />
      <text x={INDENT} y="17.5" class="node-name">{short(box.id, letters)}</text>
      <text x={INDENT} y="31" class="node-about">{short(about, Math.floor(letters * SMALLER))}</text>
      {dots.map((dot) => <circle key={dot.id} class={dot.enabled ? "dot" : "dot-off"} cx={dot.at === "after" ? width : 0} cy={height / 2} r="5" />)}
      {visits.length > 1 ? <text x={width - 7} y="31" text-anchor="end" class="node-about">×{visits.length}</text> : null}
    </g>
  );
}

function Edge({ line, taken }: { readonly line: Line; readonly taken: number }) {
  const kind = line.link.type === "data" ? "" : "edge-aside";
  return (
    <g class={`edge ${kind} ${taken ? "taken" : ""}`}>
      <path d={line.path} marker-end={taken ? "url(#arrow-taken)" : "url(#arrow)"} />
      {line.link.condition ? <title>{line.link.condition}</title> : null}
      {taken > 1 ? <text x={line.label.x} y={line.label.y - 4} text-anchor="middle">×{taken}</text> : null}
    </g>
  );
}

function Arrow({ id }: { readonly id: string }) {
  return (
    <marker id={id} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
      <path d="M0,0.5 L7.5,4 L0,7.5 Z" />
    </marker>
  );
}

/** The ways data takes, and for nodes that no data edge reaches (those after the answer) what feeds them. */
function routes(net: Net): Net["links"] {
  const data = net.links.filter((link) => link.type === "data");
  const reached = new Set(data.flatMap((link) => [link.from, link.to]));
  return [...data, ...net.links.filter((link) => link.type !== "data" && !reached.has(link.to) && reached.has(link.from))];
}

export function Picture({ net }: { readonly net: Net }) {
  const direction = narrow.value ? "TB" : "LR";
  const data = useMemo(() => ({ ...net, links: routes(net) }), [net]);
  const picture = useMemo(() => draw(data, direction), [data, direction]);
  const visits = lit.value;
  const taken = traffic(visits);
  const chosen = selected.value?.node;
  return (
    <svg class="net" viewBox={`0 0 ${picture.width} ${picture.height}`} role="group" aria-label={`Graph ${net.name}`} style={{ maxWidth: `${picture.width * 1.25}px` }}>
      <defs><Arrow id="arrow" /><Arrow id="arrow-taken" /></defs>
      {picture.lines.map((line, index) => <Edge key={index} line={line} taken={taken.get(`${line.link.from}>${line.link.to}`) ?? 0} />)}
      {picture.boxes.map((box) => (
        <Node key={box.id} box={box} net={net} visits={visits.filter((visit) => visit.node === box.id)} chosen={chosen === box.id} />
      ))}
    </svg>
  );
}
