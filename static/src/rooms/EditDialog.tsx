/** What a held run goes on with, as JSON that can be changed. Only what was changed is sent. */
import "../styles/debug.css";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { blamed, type Edit, edits, overlap } from "../lib/edits";
import { plural, pretty } from "../lib/format";
import { parse, place, type Span } from "../lib/jsontext";
import { edit, held, placeOf } from "../store/debug";
import { Empty } from "../ui/bits";
import { Close, Dialog, useTyped } from "../ui/Dialog";
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

/** What was typed into a section, and the value that it was typed over. */
interface Draft {
  readonly base: unknown;
  readonly text: string;
}

const pathsOf = (all: readonly Edit[]): string => all.map((one) => one.path).join(", ");

interface EditorProps {
  readonly now: Debug;
  readonly section: Section;
  /** Nothing was typed: the text is the value, also when that is changed elsewhere. */
  readonly draft: Draft | undefined;
  readonly onDraft: (draft: Draft | undefined) => void;
  readonly onWritten: () => void;
}

/** What was written here by somebody else since it is looked at. */
function Elsewhere({ changes, mine, typed, onTake }: { readonly changes: readonly Edit[]; readonly mine: readonly Edit[]; readonly typed: boolean; readonly onTake: () => void }) {
  if (changes.length === 0) return null;
  const then = overlap(mine, changes) ? "What you typed is kept; writing replaces that." : "What you typed is kept; writing leaves that as it is.";
  return (
    <p class="banner" role="alert">
      <span>Changed elsewhere: <code>{pathsOf(changes)}</code>. {typed ? then : "The new value is shown."}</span>
      {typed ? <button type="button" class="quiet" onClick={onTake}>take the new value</button> : null}
    </p>
  );
}

function Editor({ now, section, draft, onDraft, onWritten }: EditorProps) {
  const [writing, setWriting] = useState(false);
  const [fault, setFault] = useState("");
  const area = useRef<HTMLTextAreaElement>(null);
  const first = useRef(now[section]);
  const base = draft ? draft.base : now[section];
  const text = draft ? draft.text : jsonOf(base);
  const given = parse(text);
  const changed = given.ok ? edits(base, given.value, `/${section}`) : [];
  useLayoutEffect(() => area.current?.setSelectionRange(0, 0), []);
  const type = (typed: string): void => {
    onDraft(typed === jsonOf(base) ? undefined : { base, text: typed });
    setFault("");
  };
  const refuse = (told: string, span: Span | null): void => {
    setFault(told);
    area.current?.focus();
    if (span) area.current?.setSelectionRange(span.start, span.end);
  };
  const save = (event: Event): void => {
    event.preventDefault();
    if (!given.ok) return refuse(given.text, place(given, ""));
    if (changed.length === 0) return onWritten();
    if (writing) return undefined;
    setWriting(true);
    edit(changed).then(onWritten, (error: unknown) => {
      const told = error instanceof Error ? error.message : String(error);
      setWriting(false);
      refuse(told, place(given, blamed(told, changed).slice(section.length + 1)));
    });
  };
  return (
    <form onSubmit={save}>
      {now.tool && section === "tool_result" ? <p class="faint">Instead of calling it, the node is told this. The call: <code>{pretty(now.tool)}</code></p> : null}
      <Elsewhere changes={writing ? [] : edits(draft ? base : first.current, now[section], `/${section}`)} mine={changed} typed={draft !== undefined} onTake={() => { onDraft(undefined); setFault(""); area.current?.focus(); }} />
      <textarea
        ref={area} class="edit-text" aria-label={NAMES[section]} spellcheck={false} autofocus value={text} aria-invalid={fault !== "" || !given.ok} aria-describedby="edit-told"
        onInput={(event) => type(event.currentTarget.value)}
      />
      <p id="edit-told" class={fault ? "fault" : "faint"} role={fault ? "alert" : undefined}>
        {fault ? fault : !given.ok ? given.text : changed.length ? `${plural(changed.length, "change")}: ${pathsOf(changed)}` : "Nothing is changed."}
      </p>
      <div class="foot">
        <button type="submit" class="quiet main">write</button>
        <Close>cancel</Close>
      </div>
    </form>
  );
}

type Drafts = Readonly<Partial<Record<Section, Draft>>>;

/** The run went on under the dialog: what was typed cannot be written any more, but it can be copied. */
function Overtaken({ now, drafts, onAnew }: { readonly now: Debug | null; readonly drafts: Drafts; readonly onAnew: () => void }) {
  const typed = Object.entries(drafts) as readonly [Section, Draft][];
  return (
    <>
      <Empty title={now ? "The run has gone on, and is held elsewhere." : "The run is not held any more."}>{typed.length ? "What you typed was not written." : "Nothing was changed."}</Empty>
      {typed.map(([section, { text }]) => (
        <label key={section} class="not-written">Not written: {NAMES[section]}<textarea class="edit-text edit-short" readOnly spellcheck={false} value={text} /></label>
      ))}
      <div class="foot">
        {now ? <button type="button" class="quiet main" onClick={onAnew}>edit it there</button> : null}
        <Close>close</Close>
      </div>
    </>
  );
}

const spotOf = (now: Debug | null): string => (now ? [now.run_id, now.at, now.frame, now.node, now.effect_id].join("/") : "");

function Held({ onClose }: { readonly onClose: () => void }) {
  const now = held.value;
  const sections = now ? sectionsOf(now) : [];
  const [chosen, setChosen] = useState<Section>();
  const [drafts, setDrafts] = useState<Drafts>({});
  const spot = spotOf(now);
  const [begun, setBegun] = useState(spot);
  const section = chosen && sections.includes(chosen) ? chosen : sections[0];
  const anew = (): void => { setDrafts({}); setBegun(spot); };
  const keep = (key: Section, draft: Draft | undefined): void => {
    const { [key]: _, ...others } = drafts;
    setDrafts(draft ? { ...others, [key]: draft } : others);
  };
  const typed = Object.keys(drafts).length > 0;
  useTyped(typed);
  /** What was typed into another section is not written yet. */
  const written = (): void => {
    const next = sections.find((key) => key !== section && drafts[key]);
    if (!section || !next) return onClose();
    keep(section, undefined);
    setChosen(next);
  };
  return (
    <>
      <h2>Edit {now ? <span class="faint mono">held {placeOf(now)}</span> : null}</h2>
      {now && section && (spot === begun || !typed) ? (
        <>
          <Tabs label="What to edit" panel="edit" kind="tabs-small" tabs={sections.map((key) => ({ key, label: drafts[key] ? `${NAMES[key]} *` : NAMES[key] }))} current={section} onChoose={setChosen} />
          <div id="edit" role="tabpanel" aria-labelledby={`edit-tab-${section}`}>
            <Editor key={`${spot}/${section}`} now={now} section={section} draft={drafts[section]} onDraft={(draft) => { setBegun(spot); keep(section, draft); }} onWritten={written} />
          </div>
        </>
      ) : (
        <Overtaken now={now} drafts={drafts} onAnew={anew} />
      )}
    </>
  );
}

export const EditDialog = ({ onClose }: { readonly onClose: () => void }) => (
  <Dialog label="Edit the held run" kind="broad" onClose={onClose}><Held onClose={onClose} /></Dialog>
);
