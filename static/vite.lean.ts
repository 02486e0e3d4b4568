/**
 * What two packages carry and the page never calls. Both are published as one minified file each, from which a
 * bundler can leave out little by itself. Vitest uses what is left as well, so what is needed after all is missed
 * there; where a new version looks different nothing is cut, and the page's limits of size tell.
 */
import type { Plugin } from "vite";

/** Entries of namespaces of algorithms and of JSON, of which the layout uses two walks (3% of the page). */
const DAGRE =
  /\b(?:CycleException|bellmanFord|components|dijkstra|dijkstraAll|findCycles|floydWarshall|isAcyclic|prim|shortestPaths|tarjan|topsort|read|write):\(\)=>[\w$]+,?/g;

/** The shared instance at its end, which holds the writers of HTML: the page reads markdown with the lexer alone (4%). */
const MARKED = /var [\w$]+=new [\w$]+;function [\w$]+\([\w$]+,[\w$]+\)\{return [\w$]+\.parse\([^]*export\{[^]*?([\w$]+ as Lexer)[^]*/;

export const lean: Plugin = {
  name: "lean",
  transform: (code, id) => {
    if (id.includes("@dagrejs")) return code.replace(DAGRE, "");
    return id.includes("/marked/") ? code.replace(MARKED, "export{$1};") : null;
  },
};
