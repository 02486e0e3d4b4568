/** A tool's arguments and result. */
import "../styles/calls.css";
import { ms } from "../lib/format";
import { fields, table, text } from "../lib/json";
import { go } from "../store/place";
import type { Effect } from "../wire/types.gen";
import { Figure } from "../ui/bits";
import { DataTable } from "../ui/DataTable";
import { JsonTree } from "../ui/JsonTree";

function decoded(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

function Result({ call }: { readonly call: Effect }) {
  const value = decoded(call.response);
  const rows = table(value);
  if (rows) return <DataTable table={rows} caption={`Result of ${call.name ?? "the tool"}`} />;
  return typeof value === "string" ? <pre class="part part-flat">{value}</pre> : <JsonTree value={value ?? null} depth={3} />;
}

export function ToolCall({ call, pid }: { readonly call: Effect; readonly pid: string }) {
  const request = fields(call.request);
  const args = request["args"] ?? request["arguments"] ?? call.request;
  const query = text(fields(args)["query"] ?? fields(args)["sql"]);
  return (
    <article class="call" aria-label={`Tool call ${call.effect_id}`}>
      <header><h3 class="mono">{call.name}</h3><button type="button" class="link" onClick={() => go({ room: "processes", pid }, true)}>output lines</button></header>
      <dl class="figures">
        <Figure name="time">{ms(call.ended == null ? null : call.ended - call.started)}</Figure>
        <Figure name="effect">{call.write ? "write" : "read"}</Figure>
        <Figure name="answered">{call.policy ?? "live"}</Figure>
        <Figure name="outcome">{call.ended == null ? "unknown" : call.error ? "error" : "ok"}</Figure>
      </dl>
      <h3>Arguments</h3>
      {query ? <pre class="part part-flat">{query}</pre> : <JsonTree value={args} depth={3} />}
      <h3>Result</h3>
      {call.error ? <p class="fault" role="alert">{call.error.code}: {call.error.detail}</p> : <Result call={call} />}
    </article>
  );
}
