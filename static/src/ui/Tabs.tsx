/** A row of tabs with one tab stop; arrow keys move. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

export interface TabOf<K extends string> {
  readonly key: K;
  readonly label: string;
  readonly badge?: ComponentChildren;
  readonly muted?: boolean;
}

interface Props<K extends string> {
  readonly label: string;
  readonly tabs: readonly TabOf<K>[];
  readonly current: K;
  readonly onChoose: (key: K) => void;
  readonly panel: string;
  readonly kind?: string;
}

export function Tabs<K extends string>({ label, tabs, current, onChoose, panel, kind = "" }: Props<K>) {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current]);
  const move = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = (tabs.findIndex((tab) => tab.key === current) + step + tabs.length) % tabs.length;
    const next = tabs[at];
    if (!next) return;
    onChoose(next.key);
    (list.current?.children[at] as HTMLElement | undefined)?.focus();
  };
  return (
    <div role="tablist" aria-label={label} class={`tabs ${kind}`} ref={list} onKeyDown={move}>
      {tabs.map((tab) => (
        <button
          key={tab.key} type="button" role="tab" id={`${panel}-tab-${tab.key}`} aria-selected={tab.key === current}
          aria-controls={panel} tabIndex={tab.key === current ? 0 : -1} class={tab.muted ? "muted" : ""}
          onClick={() => onChoose(tab.key)}
        >
          {tab.label}
          {tab.badge !== undefined ? <span class="badge">{tab.badge}</span> : null}
        </button>
      ))}
    </div>
  );
}
