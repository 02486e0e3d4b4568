/** The graph, lit by the run that is shown. A node leads to its frame and back. */
import type { Net } from "../lib/layout";
import { dotsOf } from "../store/debug";
import { drawn, lit, stateOf } from "../store/graph";
import { Empty, Status } from "../ui/bits";
import { pick } from "./choose";
import { Picture } from "./parts";

/** Beyond this many nodes a list says more than a picture. */
const DRAWABLE = 60;

function List({ net }: { readonly net: Net }) {
  const visits = lit.value;
  return (
    <ul class="net-list">
      {net.nodes.map((node) => {
        const mine = visits.filter((visit) => visit.node === node);
        return <li key={node}><button type="button" class="quiet" data-node={node} onClick={() => pick(mine)}><Status of={stateOf(mine)} /> {node}</button>{dotsOf(node).map((dot) => <span key={dot.id} class="faint"> breakpoint {dot.on ?? dot.at}</span>)}</li>;
      })}
    </ul>
  );
}

export function GraphRoom() {
  const net = drawn.value;
  return (
    <section class="room room-graph" aria-label="Graph">
      {net && net.nodes.length ? (
        net.nodes.length > DRAWABLE ? <List net={net} /> : <Picture net={net} />
      ) : (
        <Empty title="No graph is loaded.">The server tells the active one: <code>curl …/api/graph/active</code></Empty>
      )}
    </section>
  );
}
