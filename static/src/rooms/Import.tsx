/** Take in a run that another installation exported. */
import { useRef, useState } from "preact/hooks";
import { plural, shortId } from "../lib/format";
import { attempt, news } from "../store/notice";
import { go } from "../store/place";
import { upload } from "../wire/http";
import type { Imported } from "../wire/lines";
import { Icon } from "../ui/Icon";

const typeOf = (name: string): string => (name.toLowerCase().endsWith(".zip") ? "application/zip" : "text/html");

async function take(file: File): Promise<void> {
  const made = await upload<Imported>("/api/import", file, typeOf(file.name));
  const lacks = made.missing.length ? `; ${plural(made.missing.length, "part")} of its code is not installed here as it was` : "";
  news.value = `Imported as ${shortId(made.run_id)}${lacks}`;
  go({ run: made.run_id, frame: 0, node: "", visit: 1, room: "frames" }, true);
}

export function Import() {
  const field = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const chosen = (input: HTMLInputElement): void => {
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    setBusy(true);
    void attempt(take(file)).then(() => setBusy(false));
  };
  return (
    <>
      <input ref={field} type="file" hidden accept=".zip,.html" aria-label="Exported run" onChange={(event) => chosen(event.currentTarget)} />
      <button type="button" class="quiet" aria-disabled={busy} title="Take in a run that was exported as .zip or .html" onClick={() => { if (!busy) field.current?.click(); }}><Icon name="open" />{busy ? "importing" : "import"}</button>
    </>
  );
}
