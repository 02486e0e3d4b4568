/** JSON as a tree that unfolds; long texts are shown short first. */
import { useState } from "preact/hooks";

const LONG = 600;
const MANY = 100;

function Leaf({ value }: { readonly value: unknown }) {
  const [all, setAll] = useState(false);
  if (typeof value !== "string") return <span class={`json-${value === null ? "null" : typeof value}`}>{String(value)}</span>;
  const long = value.length > LONG && !all;
  return (
    <span class="json-string">
      {long ? value.slice(0, LONG) : value || '""'}
      {long ? (
        <button type="button" class="link" onClick={() => setAll(true)}>… {value.length - LONG} more characters</button>
      ) : null}
    </span>
  );
}

const hint = (value: object): string =>
  Array.isArray(value) ? `[${value.length}]` : `{${Object.keys(value).slice(0, 4).join(", ")}${Object.keys(value).length > 4 ? ", …" : ""}}`;

function Branch({ name, value, depth }: { readonly name: string; readonly value: object; readonly depth: number }) {
  const [open, setOpen] = useState(depth > 0);
  const entries = Object.entries(value);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary><span class="json-key">{name}</span> <span class="json-hint">{hint(value)}</span></summary>
      {open ? <Rows entries={entries} depth={depth - 1} /> : null}
    </details>
  );
}

function Rows({ entries, depth }: { readonly entries: readonly [string, unknown][]; readonly depth: number }) {
  const [shown, setShown] = useState(MANY);
  return (
    <div class="json-rows">
      {entries.slice(0, shown).map(([key, value]) =>
        typeof value === "object" && value !== null && Object.keys(value).length > 0 ? (
          <Branch key={key} name={key} value={value} depth={depth} />
        ) : (
          <div class="json-row" key={key}>
            <span class="json-key">{key}</span> <Leaf value={typeof value === "object" && value !== null ? hint(value) : value} />
          </div>
        ),
      )}
      {entries.length > shown ? (
        <button type="button" class="link" onClick={() => setShown(shown + 10 * MANY)}>… {entries.length - shown} more</button>
      ) : null}
    </div>
  );
}

export function JsonTree({ value, depth = 2 }: { readonly value: unknown; readonly depth?: number }) {
  if (typeof value !== "object" || value === null) return <div class="json"><Leaf value={value} /></div>;
  const entries = Object.entries(value);
  return <div class="json">{entries.length ? <Rows entries={entries} depth={depth} /> : <span class="json-hint">{hint(value)}</span>}</div>;
}
