/** Everything about the selected visit of a node. */
import type { ComponentChildren } from "preact";
import { readCommand } from "../lib/curl";
import { count, ms, pretty, shortId } from "../lib/format";
import { TABS, type Tab } from "../lib/place";
import { go, place } from "../store/place";
import { selected, shown } from "../store/runs";
import { ended, type RunView, type Visit } from "../store/visits";
import type { Effect, Envelope } from "../wire/types.gen";
import { Copy, Empty, Status } from "../ui/bits";
import { Icon } from "../ui/Icon";
import { JsonTree } from "../ui/JsonTree";
import { Tabs } from "../ui/Tabs";
import { choose } from "./choose";
import { dialog } from "./dialogs";
import { ResumeButton } from "./ResumeButton";
import { Changes, ModelCall, ProcessesOf, ToolCall } from "./parts";

const LABELS: Readonly<Record<Tab, string>> = {
  summary: "Summary", input: "Input", output: "Output", model: "Model", tools: "Tools", state: "State", raw: "Raw",
};

export const calls = (visit: Visit, kind: Effect["kind"]): readonly Effect[] => (visit.effects ?? []).filter((effect) => effect.kind === kind);

function Row({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return <><dt>{name}</dt><dd>{children}</dd></>;
}

function Summary({ visit }: { readonly visit: Visit }) {
  const models = calls(visit, "model");
  const tools = calls(visit, "tool");
  return (
    <>
      {visit.error ? <p class="fault" role="alert">{visit.error}</p> : null}
      <dl class="pairs">
        <Row name="frame">{visit.post ? `${visit.frame} (after the answer)` : visit.frame}</Row>
        <Row name="visit">{visit.visit}</Row>
        <Row name="time">{ms(visit.duration)}</Row>
        <Row name="route">{visit.route || "ends here"}</Row>
        <Row name="condition">{visit.condition || "—"}</Row>
        <Row name="model calls">{visit.record ? count(models.length) : "—"}</Row>
        <Row name="tools">{visit.record ? tools.map((tool) => tool.name).join(", ") || "none" : "—"}</Row>
        <Row name="changes">{visit.record ? count(visit.record.changes?.length ?? 0) : "—"}</Row>
      </dl>
      <h3>Input</h3>
      <p class="excerpt">{visit.input || "—"}</p>
      <h3>Output</h3>
      <p class="excerpt">{visit.output || "—"}</p>
      {visit.record?.output?.data ? <JsonTree value={visit.record.output.data} depth={1} /> : null}
    </>
  );
}

function EnvelopeView({ envelope, said }: { readonly envelope: Envelope | null | undefined; readonly said?: string }) {
  if (!envelope && !said) return <Empty title="Nothing was passed on." />;
  return (
    <>
      {said ? <><h3>Said to the user</h3><p class="excerpt">{said}</p></> : null}
      {envelope ? (
        <>
          <dl class="pairs"><Row name="kind">{envelope.kind}</Row><Row name="sender">{envelope.sender || "the run itself"}</Row></dl>
          {envelope.text ? <><h3>Text</h3><p class="excerpt">{envelope.text}</p></> : null}
          {envelope.data !== undefined && envelope.data !== null ? <><h3>Data</h3><JsonTree value={envelope.data} depth={3} /></> : null}
        </>
      ) : null}
    </>
  );
}

function raw(visit: Visit): string {
  return pretty({ record: visit.record ?? visit, effects: visit.effects ?? [] });
}

function Body({ run, visit, tab }: { readonly run: RunView; readonly visit: Visit; readonly tab: Tab }) {
  if (!visit.record && tab === "tools" && run.status === "running") return <ProcessesOf run_id={run.run_id} frame={visit.frame} node={visit.node} />;
  if (!visit.record && tab !== "summary" && tab !== "raw") {
    return <Empty title={run.status === "running" ? "Details come when the run has ended." : "Reading the trace…"} />;
  }
  switch (tab) {
    case "summary":
      return <Summary visit={visit} />;
    case "input":
      return <EnvelopeView envelope={visit.record?.input} />;
    case "output":
      return <EnvelopeView envelope={visit.record?.output} said={visit.record?.said} />;
    case "model": {
      const asked = calls(visit, "model");
      return asked.length ? <>{asked.map((call) => <ModelCall key={call.effect_id} call={call} />)}</> : <Empty title="This node asked no model." />;
    }
    case "tools": {
      const used = calls(visit, "tool");
      return used.length ? <>{used.map((call) => <ToolCall key={call.effect_id} call={call} pid={`${run.run_id}/${call.effect_id}`} />)}</> : <Empty title="This node called no tool." />;
    }
    case "state":
      return <Changes run={run} visit={visit} />;
    case "raw":
      return <pre class="raw" tabIndex={0}>{raw(visit)}</pre>;
  }
}

/** No frame is selected: the run as a whole. */
function Whole({ run }: { readonly run: RunView }) {
  return (
    <>
      <header class="inspector-head"><h2>run <span class="faint mono">{shortId(run.run_id)}</span></h2><Status of={run.status} /><span class="grow" /><ResumeButton run={run} /></header>
      <div class="inspector-body" tabIndex={0} role="region" aria-label="The run">
        {run.error ? <p class="fault" role="alert">{run.error}</p> : null}
        <h3>Message</h3>
        <p class="excerpt">{run.message || run.kind}</p>
        <h3>Answer</h3>
        <p class="excerpt">{run.response || "—"}</p>
        <h3>Frames</h3>
        <ol class="visit-list">
          {run.visits.slice(0, 40).map((visit) => (
            <li key={`${visit.frame}/${visit.node}/${visit.visit}/${visit.post}`}>
              <button type="button" class="link" onClick={() => choose(run, visit)}>{visit.node}</button> <span class="faint">{visit.output}</span>
            </li>
          ))}
        </ol>
        <p class="faint">Click a node or a bar, or press <kbd>j</kbd>.</p>
      </div>
    </>
  );
}

function Head({ run, visit }: { readonly run: RunView; readonly visit: Visit }) {
  const at = run.visits.indexOf(visit);
  return (
    <header class="inspector-head">
      <h2>{visit.node} <span class="faint mono">{visit.post ? "post" : `frame ${visit.frame}`} · {shortId(run.run_id)}</span></h2>
      <Status of={visit.error ? "error" : visit.duration === null ? "running" : "done"} />
      <span class="grow" />
      <button type="button" class="quiet" aria-label="Previous frame" disabled={at <= 0} onClick={() => choose(run, run.visits[at - 1])}><Icon name="back" /></button>
      <button type="button" class="quiet" aria-label="Next frame" disabled={at < 0 || at === run.visits.length - 1} onClick={() => choose(run, run.visits[at + 1])}><Icon name="on" /></button>
    </header>
  );
}

export function Inspector() {
  const run = shown.value;
  const visit = selected.value;
  if (!run || !visit) return <section class="room room-inspector" aria-label="Inspector">{run ? <Whole run={run} /> : <Empty title="Nothing to inspect yet.">Send a message first.</Empty>}</section>;
  const tab = place.value.tab;
  return (
    <section class="room room-inspector" aria-label="Inspector">
      <Head run={run} visit={visit} />
      <Tabs
        label="Inspector" panel="inspector-panel" current={tab} onChoose={(next) => go({ tab: next })} kind="tabs-small"
        tabs={TABS.map((key) => ({
          key, label: LABELS[key],
          badge: key === "model" && calls(visit, "model").length ? calls(visit, "model").length : key === "tools" && calls(visit, "tool").length ? calls(visit, "tool").length : key === "state" && visit.record?.changes?.length ? visit.record.changes.length : undefined,
        }))}
      />
      <div class="inspector-body" id="inspector-panel" role="tabpanel" aria-labelledby={`inspector-panel-tab-${tab}`} tabIndex={0}>
        <Body run={run} visit={visit} tab={tab} />
      </div>
      <footer class="inspector-foot">
        {ended(run) && visit.record && !visit.post ? <button type="button" class="quiet" title="Go on from this frame with something changed" onClick={() => { dialog.value = "fork"; }}><Icon name="fork" />fork from here</button> : null}
        <Copy label="copy JSON" text={() => raw(visit)} />
        <Copy label="copy curl" text={() => readCommand(location.origin, `/api/traces/${run.run_id}`)} />
      </footer>
    </section>
  );
}
