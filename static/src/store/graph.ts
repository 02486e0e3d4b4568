/** The active graph, the list to choose from, and what a run did in it. */
import { computed, signal } from "@preact/signals";
import { items, fields, text } from "../lib/json";
import type { Link, Net } from "../lib/layout";
import { get, post, Refused } from "../wire/http";
import { pending } from "./chat";
import { place } from "./place";
import { shown, working } from "./runs";
import type { RunView, Visit } from "./visits";

export interface Choice {
  readonly name: string;
  readonly description: string;
  readonly active: boolean;
}

export const active = signal<Net | null>(null);
export const description = signal("");
export const choices = signal<readonly Choice[]>([]);

export function readNet(given: unknown): Net {
  const graph = fields(given);
  const impl = Object.fromEntries(Object.entries(fields(graph["nodes"])).map(([role, name]) => [role, text(name)]));
  const nodes = Object.keys(impl);
  const links = items(graph["edges"]).flatMap((edge): Link[] => {
    const { from, source, to, target, type, condition } = fields(edge) as Record<string, unknown>;
    const targets = Array.isArray(to) ? to : [to ?? target];
    return targets.map((one) => ({
      from: text(from ?? source), to: text(one), type: text(type) || "data", condition: text(condition),
    }));
  });
  return {
    name: text(graph["name"]), revision: text(graph["revision"]), nodes, impl,
    links: links.filter((link) => nodes.includes(link.from) && nodes.includes(link.to) && link.from !== link.to),
  };
}

let asked = 0;

/** Read them; an answer that was overtaken by a newer question is thrown away. */
export async function load(): Promise<void> {
  const mine = ++asked;
  const [graph, list] = await Promise.all([
    get<unknown>("/api/graph/active"),
    get<{ graphs: readonly Choice[] }>("/api/graph/list"),
  ]);
  if (mine !== asked) return;
  active.value = readNet(graph);
  description.value = text(fields(graph)["description"]);
  choices.value = list.graphs;
}

/** A switch that a run at work stands in the way of: the user chooses, or it waits for the run's end. */
export const switching = signal<{ readonly name: string; readonly waits: boolean } | null>(null);

const busy = (): boolean => working.peek() !== null || pending.peek().length > 0;

/** Make another graph active. When a run is at work nothing happens yet: `switching` asks. */
export async function change(name: string, when: "now" | "after" | "cancel" = "now"): Promise<void> {
  switching.value = when === "after" || (when === "now" && busy()) ? { name, waits: when === "after" } : null;
  if (switching.value?.waits === false) return;
  try {
    await post("/api/graph/switch", { name, when });
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 409 || when !== "now") throw error;
    switching.value = { name, waits: false };
    return;
  } finally {
    if (when === "after") switching.value = null;
  }
  await load();
}

/** What a run shows of a graph we do not have any more: the nodes it visited, the ways it took. */
export function netOfRun(run: RunView): Net {
  const nodes = [...new Set(run.visits.map((visit) => visit.node))];
  const seen = new Map<string, Link>();
  for (const visit of run.visits) {
    for (const to of visit.route.split("+").filter((name) => nodes.includes(name))) {
      seen.set(`${visit.node}>${to}`, { from: visit.node, to, type: "data", condition: visit.condition });
    }
  }
  return { name: run.graph, revision: run.revision, nodes, impl: {}, links: [...seen.values()] };
}

const elsewhere = (run: RunView | null, net: Net | null): boolean => Boolean(run?.graph && net && run.graph !== net.name);

/** The graph to draw: the active one; for a chosen run of another graph, what the run tells of it. */
export const drawn = computed((): Net | null => {
  const run = shown.value;
  const net = active.value;
  return run && place.value.run && elsewhere(run, net) ? netOfRun(run) : net;
});

/** What the shown run did in the graph that is drawn; nothing when that run was in another one. */
export const lit = computed((): readonly Visit[] => {
  const run = shown.value;
  return run && !elsewhere(run, drawn.value) ? run.visits : [];
});

export type NodeState = "idle" | "running" | "done" | "error";

export function stateOf(visits: readonly Visit[]): NodeState {
  if (visits.some((visit) => visit.error)) return "error";
  if (visits.some((visit) => visit.duration === null)) return "running";
  return visits.length ? "done" : "idle";
}

/** How often each way was taken, by `from>to`. */
export function traffic(visits: readonly Visit[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const visit of visits) {
    for (const to of visit.route.split("+").filter(Boolean)) {
      const key = `${visit.node}>${to}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}
