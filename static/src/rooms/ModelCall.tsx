/** A model request exactly as it was sent, and what came back. */
import "../styles/calls.css";
import { modelCommand } from "../lib/curl";
import { count, money, ms, pretty } from "../lib/format";
import { fields, items, text } from "../lib/json";
import type { Effect } from "../wire/types.gen";
import { Copy, Figure } from "../ui/bits";
import { JsonTree } from "../ui/JsonTree";

const SHORT = 1_200;

function Part({ message }: { readonly message: unknown }) {
  const { role, content, tool_calls, tool_call_id, name } = fields(message);
  const said = typeof content === "string" ? content : content ? pretty(content) : "";
  const called = items(tool_calls);
  const about = [text(name), text(tool_call_id), said ? `${count(said.length)} characters` : ""].filter(Boolean).join(" · ");
  return (
    <details class={`part part-${text(role)}`} open={said.length < SHORT || role !== "system"}>
      <summary><span class="part-role">{text(role) || "message"}</span> <span class="faint">{about}</span></summary>
      {said ? <pre>{said}</pre> : null}
      {called.length ? <JsonTree value={called} depth={4} /> : null}
    </details>
  );
}

function Tools({ tools }: { readonly tools: readonly unknown[] }) {
  if (tools.length === 0) return null;
  const names = tools.map((tool) => text(fields(fields(tool)["function"])["name"]));
  return (
    <details class="part part-tools">
      <summary><span class="part-role">tools</span> <span class="faint">{names.join(", ")}</span></summary>
      <JsonTree value={tools} depth={1} />
    </details>
  );
}

function Reply({ call }: { readonly call: Effect }) {
  const reply = fields(call.response);
  const said = text(reply["text"] ?? reply["content"]);
  const called = items(reply["tool_calls"]);
  return (
    <>
      <h3>Response</h3>
      {call.error ? <p class="fault" role="alert">{call.error.code}: {call.error.detail}</p> : null}
      {said ? <pre class="part part-assistant part-flat">{said}</pre> : null}
      {called.length ? <JsonTree value={called} depth={3} /> : null}
      {!said && !called.length && !call.error ? <JsonTree value={call.response ?? null} depth={2} /> : null}
    </>
  );
}

export function ModelCall({ call }: { readonly call: Effect }) {
  const { messages, tools, response_format, ...settings } = fields(call.request);
  const first = call.chunks?.[0]?.[0];
  return (
    <article class="call" aria-label={`Model call ${call.effect_id}`}>
      <header>
        <h3 class="mono">{call.name || text(fields(call.request)["model"])}</h3>
        <Copy label="copy curl" text={() => modelCommand(call.request)} />
      </header>
      <dl class="figures">
        <Figure name="time">{ms(call.ended == null ? null : call.ended - call.started)}</Figure>
        <Figure name="first token">{ms(first)}</Figure>
        <Figure name="in">{count(call.usage?.prompt_tokens)}</Figure>
        <Figure name="out">{count(call.usage?.completion_tokens)}</Figure>
        <Figure name="cost">{money(call.cost)}</Figure>
        <Figure name="answered">{call.policy ?? "live"}</Figure>
      </dl>
      <h3>Request, as sent</h3>
      {items(messages).map((message, index) => <Part key={index} message={message} />)}
      <Tools tools={items(tools)} />
      {response_format ? <details class="part part-tools"><summary><span class="part-role">response format</span></summary><JsonTree value={response_format} depth={2} /></details> : null}
      <details class="part part-tools"><summary><span class="part-role">settings</span> <span class="faint mono">{call.request_hash}</span></summary><JsonTree value={settings} /></details>
      <Reply call={call} />
    </article>
  );
}
