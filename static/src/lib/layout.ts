/** A graph as boxes and lines. Laid out once per revision, never while it runs. */
import { Graph, layout } from "@dagrejs/dagre";

export interface Link {
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly condition: string;
}

export interface Net {
  readonly name: string;
  readonly revision: string;
  readonly nodes: readonly string[];
  readonly impl: Readonly<Record<string, string>>;
  readonly links: readonly Link[];
}

export interface Box {
  readonly id: string;
  readonly x: number;
  readonly y: number;
}

export interface Line {
  readonly link: Link;
  readonly path: string;
  readonly label: { readonly x: number; readonly y: number };
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
}

const HEIGHT = 40;
const NARROW = 100;
const BROAD = 150;
/** Left of the name is the lamp; a letter of the name takes about this much. */
export const INDENT = 22;
const LETTER = 6.6;

/** All boxes of a graph are as wide as its longest name needs. */
export function boxOf(net: Net): { readonly width: number; readonly height: number; readonly letters: number } {
  const longest = Math.max(0, ...net.nodes.map((id) => id.length));
  const width = Math.min(BROAD, Math.max(NARROW, Math.ceil(INDENT + LETTER * longest + 8)));
  return { width, height: HEIGHT, letters: Math.floor((width - INDENT - 4) / LETTER) };
}

interface Point {
  x: number;
  y: number;
}

/** A smooth line through dagre's points. */
export function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let path = `M${first.x},${first.y}`;
  for (let i = 0; i < rest.length - 1; i++) {
    const here = rest[i] as Point;
    const next = rest[i + 1] as Point;
    path += ` Q${here.x},${here.y} ${(here.x + next.x) / 2},${(here.y + next.y) / 2}`;
  }
  const last = rest[rest.length - 1];
  return last ? `${path} L${last.x},${last.y}` : path;
}

export function draw(net: Net, direction: "LR" | "TB"): Drawing {
  const { width, height } = boxOf(net);
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: direction, nodesep: 20, ranksep: 30, edgesep: 12, marginx: 6, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of net.nodes) graph.setNode(id, { width, height });
  net.links.forEach((link, index) => {
    const labelled = link.condition !== "";
    graph.setEdge(link.from, link.to, { width: labelled ? 8 : 0, height: 8, labelpos: "c" }, String(index));
  });
  layout(graph);
  const size = graph.graph() as { width?: number; height?: number };
  return {
    width: Math.ceil(size.width ?? 0),
    height: Math.ceil(size.height ?? 0),
    boxes: net.nodes.map((id) => {
      const { x, y } = graph.node(id) as Point;
      return { id, x, y };
    }),
    lines: net.links.map((link, index) => {
      const edge = graph.edge(link.from, link.to, String(index)) as { points: Point[] };
      const middle = edge.points[Math.floor(edge.points.length / 2)] ?? { x: 0, y: 0 };
      return { link, path: curve(edge.points), label: { x: middle.x, y: middle.y } };
    }),
  };
}
