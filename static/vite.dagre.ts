/**
 * Dagre is published as one bundle with namespaces of graph algorithms and of JSON, of which its layout uses two
 * walks. Without the other entries of those namespaces they are unused, and leave the page (3% of it).
 * Vitest draws graphs through the same plugin, so an algorithm that is needed after all is missed there.
 */
import type { Plugin } from "vite";

const UNUSED =
  /\b(?:CycleException|bellmanFord|components|dijkstra|dijkstraAll|findCycles|floydWarshall|isAcyclic|prim|shortestPaths|tarjan|topsort|read|write):\(\)=>[\w$]+,?/g;

export const leanDagre: Plugin = {
  name: "lean-dagre",
  transform: (code, id) => (id.includes("@dagrejs") ? code.replace(UNUSED, "") : null),
};
