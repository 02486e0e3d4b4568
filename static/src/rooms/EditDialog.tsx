/** What a held run goes on with, as JSON that can be changed. Only what was changed is sent. */
import "../styles/debug.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { blamed, edits } from "../lib/edits";
import { plural, pretty } from "../lib/format";
import { parse, place, type Span } from "../lib/jsontext";
import { edit, held, placeOf } from "../store/debug";
import { Empty } from "../ui/bits";
import { Dialog } from "../ui/Dialog";
import { Tabs } from "../ui/Tabs";
import type { Debug } from "../wire/types.gen";

const NAMES = { pending: "Pending", model_request: "Model request", tool_result: "Tool result", tool: "Tool arguments", memory: "Memory", ui_state: "UI state" } as const;
export type Section = keyof typeof NAMES;

/** What can be written depends on where the run is held. */
export function sectionsOf(now: Debug): readonly Section[] {
  if (!now.effect_id) return ["pending", "memory", "ui_state"];
  return [...(now.tool ? (["tool_result", "tool"] as const) : (["model_request"] as const)), "memory", "ui_state"];
}

const jsonOf = (value: unknown): string => JSON.stringify(value ?? null, null, 2);

function Editor({ now, section, onDone }: { readonly now: Debug; readonly section: Section; readonly onDone: () => void }) {
  const [text, setText] = useState(() => jsonOf(now[section]));
  const [fault, setFault] = useState("");
  const area = useRef<HTMLTextAreaElement>(null);
  const given = parse(text);
  const changed = given.ok ? edits(now[section], given.value, `/${section}`) : [];
  useEffect(() => area.current?.setSelectionRange(0, 0), []);
  const refuse = (told: string, span: Span | null): void => {
    setFault(told);
    area.current?.focus();
    if (span) area.current?.setSelectionRange(span.start, span.end);
  };
  const save = (event: Event): void => {
    event.preventDefault();
    if (!given.ok) return refuse(given.text, place(given, ""));
    if (changed.length === 0) return onDone();
    edit(changed).then(onDone, (error: unknown) => {
      const told = error instanceof Error ? error.message : String(error);
      refuse(told, place(given, blamed(told, changed).slice(section.length + 1)));
    });
  };
  return (
    <form onSubmit={save}>
      {now.tool && section === "tool_result" ? <p class="faint">Instead of calling it, the node is told this. The call: <code>{pretty(now.tool)}</code></p> : null}
      <textarea
        ref={area} class="edit-text" aria-label={NAMES[section]} spellcheck={false} autofocus value={text} aria-invalid={fault !== "" || !given.ok} aria-describedby="edit-told"
        onInput={(event) => { setText(event.currentTarget.value); setFault(""); }}
      />
      <p id="edit-told" class={fault ? "fault" : "faint"} role={fault ? "alert" : undefined}>
        {fault ? fault : !given.ok ? given.text : changed.length ? `${plural(changed.length, "change")}: ${changed.map((one) => one.path).join(", ")}` : "Nothing is changed."}
      </p>
      <div class="foot">
        <button type="submit" class="quiet main">write</button>
        <button type="button" class="quiet" onClick={onDone}>cancel</button>
      </div>
    </form>
  );
}

export function EditDialog({ onClose }: { readonly onClose: () => void }) {
  const now = held.value;
  const sections = now ? sectionsOf(now) : [];
  const [chosen, setChosen] = useState<Section>();
  const section = chosen && sections.includes(chosen) ? chosen : sections[0];
  return (
    <Dialog label="Edit the held run" kind="broad" onClose={onClose}>
      <h2>Edit {now ? <span class="faint mono">held {placeOf(now)}</span> : null}</h2>
      {now && section ? (
        <>
          <Tabs label="What to edit" panel="edit" kind="tabs-small" tabs={sections.map((key) => ({ key, label: NAMES[key] }))} current={section} onChoose={setChosen} />
          <div id="edit" role="tabpanel" aria-labelledby={`edit-tab-${section}`}><Editor key={`${now.run_id}/${now.frame}/${now.effect_id}/${section}`} now={now} section={section} onDone={onClose} /></div>
        </>
      ) : (
        <Empty title="The run is not held any more.">Nothing was changed.</Empty>
      )}
    </Dialog>
  );
}
