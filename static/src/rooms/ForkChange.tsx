/** One change of a fork: what, where, and the value it shall have instead. */
import { useId } from "preact/hooks";
import { type Draft, resultOf, type Target, TARGETS } from "../lib/whatif";
import type { RunView } from "../store/visits";
import { Icon } from "../ui/Icon";

const NAMES: Readonly<Record<Target, string>> = {
  prompt: "prompt", model: "model", params: "parameter", tool_result: "tool result", envelope: "envelope", memory: "memory",
};

export interface Ground {
  readonly run: RunView;
  readonly frame: number;
  readonly prompts: Readonly<Record<string, string>>;
}

const jsonOf = (value: unknown): string => JSON.stringify(value ?? null, null, 2);

export const toolsFrom = ({ run, frame }: Ground) => run.visits.filter((visit) => visit.frame >= frame).flatMap((visit) => visit.effects ?? []).filter((effect) => effect.kind === "tool");
export const waitingAt = ({ run, frame }: Ground) => run.visits.filter((visit) => visit.frame === frame && !visit.post);
const nodesOf = ({ run, frame }: Ground): readonly string[] => [...new Set(run.visits.filter((visit) => visit.frame >= frame).map((visit) => visit.node))];

/** The draft of a target, filled with what was. */
export function filled(old: Draft, on: Ground): Draft {
  const draft = { ...old, frame: on.frame };
  switch (draft.target) {
    case "prompt": {
      const names = Object.keys(on.prompts);
      const path = names.find((name) => name === draft.path) ?? names.find((name) => name === draft.node) ?? names[0] ?? "";
      return { ...draft, path, node: "", before: on.prompts[path], text: on.prompts[path] ?? "" };
    }
    case "model":
      return { ...draft, path: "", before: null, text: "" };
    case "params":
      return { ...draft, path: "temperature", before: null, text: "0" };
    case "tool_result": {
      const calls = toolsFrom(on);
      const call = calls.find((one) => one.effect_id === draft.effect) ?? calls.find((one) => one.node === draft.node) ?? calls[0];
      const before = resultOf(call?.response ?? null);
      return { ...draft, effect: call?.effect_id ?? "", path: "", before, text: jsonOf(before) };
    }
    case "envelope": {
      const waiting = waitingAt(on);
      const visit = waiting.find((one) => one.node === draft.node) ?? waiting[0];
      const before = visit?.record?.input ?? null;
      return { ...draft, node: visit?.node ?? "", path: "", before, text: jsonOf(before) };
    }
    case "memory":
      return { ...draft, node: "", path: "/topic", before: null, text: jsonOf("") };
  }
}

/** What it changes is done again, so that it can be changed, in a fork from that frame. */
export function fits(draft: Draft, on: Ground): boolean {
  switch (draft.target) {
    case "prompt":
    case "memory":
      return true;
    case "model":
    case "params":
      return draft.node === "" || nodesOf(on).includes(draft.node);
    case "tool_result":
      return toolsFrom(on).some((call) => call.effect_id === draft.effect);
    case "envelope":
      return draft.frame === on.frame;
  }
}

/** It is not what it was filled with. */
export function isTyped(draft: Draft, { run, prompts }: Ground): boolean {
  const fresh = filled(draft, { run, prompts, frame: draft.frame });
  return draft.text !== fresh.text || draft.path !== fresh.path;
}

interface Props {
  readonly draft: Draft;
  readonly on: Ground;
  readonly fault: string;
  readonly onChange: (draft: Draft) => void;
  readonly onRemove: () => void;
}

const CODE: ReadonlySet<Target> = new Set(["prompt", "tool_result", "envelope", "memory"]);

/** Where the change is made; which fields that takes depends on the target. */
function Where({ draft, on, onChange }: Pick<Props, "draft" | "on" | "onChange">) {
  const choose = (change: Partial<Draft>): void => onChange(filled({ ...draft, ...change }, on));
  switch (draft.target) {
    case "prompt":
      return <label>name<select value={draft.path} onChange={(event) => choose({ path: event.currentTarget.value })}>{Object.keys(on.prompts).map((name) => <option key={name}>{name}</option>)}</select></label>;
    case "model":
    case "params":
      return (
        <>
          {draft.target === "params" ? <label>which<select value={draft.path} onChange={(event) => onChange({ ...draft, path: event.currentTarget.value })}><option>temperature</option><option>token_budget</option></select></label> : null}
          <label>of<select value={draft.node} onChange={(event) => onChange({ ...draft, node: event.currentTarget.value })}><option value="">every node</option>{nodesOf(on).map((node) => <option key={node}>{node}</option>)}</select></label>
        </>
      );
    case "tool_result":
      return <label>of<select value={draft.effect} onChange={(event) => choose({ effect: event.currentTarget.value })}>{toolsFrom(on).map((call) => <option key={call.effect_id} value={call.effect_id}>{call.name} · {call.effect_id}</option>)}</select></label>;
    case "envelope":
      return <label>for<select value={draft.node} onChange={(event) => choose({ node: event.currentTarget.value })}>{waitingAt(on).map((visit) => <option key={visit.node}>{visit.node}</option>)}</select></label>;
    case "memory":
      return <label>JSON pointer<input type="text" spellcheck={false} value={draft.path} onInput={(event) => onChange({ ...draft, path: event.currentTarget.value })} /></label>;
  }
}

export function ForkChange({ draft, on, fault, onChange, onRemove }: Props) {
  const id = useId();
  const able = TARGETS.filter((target) => target !== "tool_result" || toolsFrom(on).length > 0);
  const told = { "aria-invalid": fault !== "", "aria-describedby": fault ? id : undefined };
  return (
    <fieldset class="change">
      <legend class="hidden-text">change of {NAMES[draft.target]}</legend>
      <div class="form">
        <label>change<select value={draft.target} onChange={(event) => onChange(filled({ ...draft, target: event.currentTarget.value as Target }, on))}>{able.map((target) => <option key={target} value={target}>{NAMES[target]}</option>)}</select></label>
        <Where draft={draft} on={on} onChange={onChange} />
        {CODE.has(draft.target) ? null : <label class="stretch">to<input type="text" spellcheck={false} {...told} value={draft.text} placeholder={draft.target === "model" ? "model id" : "a number"} onInput={(event) => onChange({ ...draft, text: event.currentTarget.value })} /></label>}
        <span class="grow" />
        <button type="button" class="quiet" aria-label="Remove this change" onClick={onRemove}><Icon name="trash" /></button>
      </div>
      {CODE.has(draft.target) ? <textarea class="edit-text edit-short" aria-label={`New ${NAMES[draft.target]}`} spellcheck={false} {...told} value={draft.text} onInput={(event) => onChange({ ...draft, text: event.currentTarget.value })} /> : null}
      {draft.target === "model" ? <p class="faint">was: {[...new Set(modelsFrom(on))].join(", ") || "—"}</p> : null}
      {fault ? <p class="fault" role="alert" id={id}>{fault}</p> : null}
    </fieldset>
  );
}

/** Models that were asked from the frame on. */
const modelsFrom = ({ run, frame }: Ground): readonly string[] =>
  run.visits.filter((visit) => visit.frame >= frame).flatMap((visit) => visit.effects ?? []).flatMap((effect) => (effect.kind === "model" && effect.name ? [effect.name] : []));
