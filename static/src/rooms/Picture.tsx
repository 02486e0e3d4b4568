/** The graph as a picture. Fetched when one is first drawn: the layout is a good part of the page. */
import { useMemo } from "preact/hooks";
import { BOX, type Box, draw, type Line, type Net } from "../lib/layout";
import { ms } from "../lib/format";
import { stateOf, traffic } from "../store/graph";
import { narrow } from "../store/screen";
import { selected, shown } from "../store/runs";
import type { Visit } from "../store/visits";
import { pick } from "./choose";

function Node({ box, net, visits, chosen }: { readonly box: Box; readonly net: Net; readonly visits: readonly Visit[]; readonly chosen: boolean }) {
  const state = stateOf(visits);
  const spent = visits.every((v) => v.duration !== null) ? visits.reduce((sum, v) => sum + (v.duration ?? 0), 0) : null;
  const about = visits.length ? (spent === null ? state : ms(spent)) : (net.impl[box.id] ?? "");
  return (
    <g
      class={`node node-${state} ${chosen ? "chosen" : ""}`} transform={`translate(${box.x - BOX.width / 2},${box.y - BOX.height / 2})`}
      role="button" tabIndex={0} aria-pressed={chosen} aria-description={state}
      onClick={() => pick(visits)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        pick(visits);
      }}
    >
      <rect width={BOX.width} height={BOX.height} rx="5" />
      <circle class="lamp" cx="12" cy="14" r="3.5" />
      <text x="22" y="17.5" class="node-name">{box.id.length > 13 ? `${box.id.slice(0, 12)}…` : box.id}</text>
      <text x="22" y="31" class="node-about">{about.length > 13 ? `${about.slice(0, 12)}…` : about}</text>
      {visits.length > 1 ? <text x={BOX.width - 7} y="31" text-anchor="end" class="node-about">×{visits.length}</text> : null}
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
  const visits = shown.value?.visits ?? [];
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
