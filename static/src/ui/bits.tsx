/** Small parts that every room uses. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "./Icon";

/** What is not there yet, and the next command. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children ? <div class="empty-hint">{children}</div> : null}
    </div>
  );
}

const GLYPHS: Readonly<Record<string, string>> = {
  done: "✓", pass: "✓", exact: "✓", error: "✕", fail: "✕", diverged: "✕", running: "●", queued: "○",
  cancelled: "⊘", interrupted: "⚡", paused: "‖", waiting: "◔", pending: "○", failed: "✕", stopping: "◔", incomplete: "△", idle: "○",
};

/** A status as glyph and word: never colour alone. */
export function Status({ of, bare = false }: { readonly of: string; readonly bare?: boolean }) {
  const key = of.toLowerCase();
  return (
    <span class={`status status-${key}`}>
      <span class="glyph" aria-hidden="true">{GLYPHS[key] ?? "·"}</span>
      <span class={bare ? "hidden-text" : ""}>{of}</span>
    </span>
  );
}

export function Copy({ label, text }: { readonly label: string; readonly text: () => string }) {
  const [done, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text());
    setDone(true);
    window.setTimeout(() => setDone(false), 1200);
  };
  return (
    <button type="button" class="quiet" onClick={() => void copy()}>
      <Icon name={done ? "check" : "copy"} />
      <span aria-live="polite">{done ? "copied" : label}</span>
    </button>
  );
}

export function Figure({ name, children, title }: { readonly name: string; readonly children: ComponentChildren; readonly title?: string }) {
  return (
    <div class="figure" title={title}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Search(props: { readonly label: string; readonly value: string; readonly hint: string; readonly onChange: (value: string) => void }) {
  return (
    <label class="search">
      <span class="hidden-text">{props.label}</span>
      <Icon name="search" />
      <input
        type="search" data-search spellcheck={false} autocomplete="off" placeholder={props.hint} value={props.value}
        onInput={(event) => props.onChange(event.currentTarget.value)}
      />
    </label>
  );
}
