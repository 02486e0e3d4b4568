/** What a person wants to have been another in a run, as the changes that a fork takes. */
import { edits } from "./edits";
import { fields, items, text } from "./json";
import { parse, type Parsed } from "./jsontext";

export const TARGETS = ["prompt", "model", "params", "tool_result", "envelope", "memory"] as const;
export type Target = (typeof TARGETS)[number];

export interface Draft {
  readonly key: number;
  readonly target: Target;
  /** The frame the fork was to begin with when the draft was filled. */
  readonly frame: number;
  /** Empty: everywhere. */
  readonly node: string;
  readonly effect: string;
  /** Name of the prompt or the setting; pointer into memory. */
  readonly path: string;
  /** As it was; of results and envelopes only what differs is sent. */
  readonly before: unknown;
  readonly text: string;
}

export interface Change {
  readonly target: Target;
  readonly node?: string;
  readonly effect?: string;
  readonly path?: string;
  readonly value: unknown;
}

/** A draft that cannot be sent says why. */
export type Made = { readonly ok: true; readonly changes: readonly Change[] } | { readonly ok: false; readonly text: string };

const settle = (parsed: Parsed, make: (value: unknown) => readonly Change[]): Made =>
  parsed.ok ? { ok: true, changes: make(parsed.value) } : { ok: false, text: parsed.text };

export function made(draft: Draft): Made {
  const { target, node, effect, path } = draft;
  const there = node ? { node } : {};
  switch (target) {
    case "prompt":
      return { ok: true, changes: draft.text === draft.before ? [] : [{ target, path, ...there, value: draft.text }] };
    case "model":
      return { ok: true, changes: [{ target, ...there, value: draft.text.trim() }] };
    case "params":
      return settle(parse(draft.text), (value) => [{ target, path, ...there, value }]);
    case "memory":
      return settle(parse(draft.text), (value) => [{ target, path, value }]);
    case "tool_result":
      return settle(parse(draft.text), (value) => edits(draft.before, value, "").map((one) => ({ target, effect, ...one })));
    case "envelope":
      return settle(parse(draft.text), (value) => edits(draft.before, value, "").map((one) => ({ target, node, ...one })));
  }
}

/** Which draft a refusal is about: it counts the changes that were sent. */
export function blamedDraft(detail: string, sent: readonly (readonly Change[])[]): number {
  const at = Number(/^edits\[(\d+)\]/.exec(detail)?.[1] ?? Number.NaN);
  let before = 0;
  return sent.findIndex((changes) => {
    before += changes.length;
    return at < before;
  });
}

/** What a node was told by a tool; control tools answer with more than that. */
export function resultOf(response: unknown): unknown {
  const all = fields(response);
  return "result" in all && "changes" in all ? all["result"] : response;
}

export interface Dirty {
  readonly frame: number;
  readonly node: string;
  readonly why: string;
}

export const dirtyOf = (given: readonly unknown[]): readonly Dirty[] =>
  items(given).map((one) => ({ frame: Number(fields(one)["frame"]), node: text(fields(one)["node"]), why: text(fields(one)["why"]) }));
