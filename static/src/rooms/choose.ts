/** Choosing a run or a visit: it goes into the address, and from there into every room. */
import { go, place } from "../store/place";
import { selected, shown } from "../store/runs";
import type { RunView, Visit } from "../store/visits";
import type { Summary } from "../wire/lines";

export function choose(run: RunView, visit: Visit | undefined): void {
  if (visit) go({ run: run.run_id, frame: visit.frame, node: visit.node, visit: visit.visit });
}

export function pickRun(run: Pick<Summary, "run_id"> | undefined, room = place.peek().room): void {
  if (run) go({ run: run.run_id, frame: 0, node: "", visit: 1, room });
}

/** A node of the graph leads to its visits, one after the other. */
export function pick(visits: readonly Visit[]): void {
  const now = selected.peek();
  const at = now ? visits.indexOf(now) : -1;
  const visit = visits[(at + 1) % visits.length];
  const run = shown.peek();
  if (visit && run) go({ run: run.run_id, frame: visit.frame, node: visit.node, visit: visit.visit }, true);
}
