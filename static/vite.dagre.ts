/**
 * Dagre is published as one bundle with a namespace of graph algorithms, of which its layout uses two
 * walks. Without the other entries of that namespace they are unused, and leave the page (3% of it).
 * Vitest draws graphs through the same plugin, so an algorithm that is needed after all is missed there.
 */
import type { Plugin } from "vite";

const UNUSED =
  /\b(?:CycleException|bellmanFord|components|dijkstra|dijkstraAll|findCycles|floydWarshall|isAcyclic|prim|shortestPaths|tarjan|topsort):\(\)=>\w+,?/g;

export const leanDagre: Plugin = {
  name: "lean-dagre",
  transform: (code, id) => (id.includes("@dagrejs") ? code.replace(UNUSED, "") : null),
};
