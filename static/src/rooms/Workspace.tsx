/** What is wrong in the user's own folder, as long as it is; and one line when something was read anew. */
import { useEffect } from "preact/hooks";
import { plural } from "../lib/format";
import { again } from "../store/forks";
import { news } from "../store/notice";
import { go } from "../store/place";
import { narrow } from "../store/screen";
import { bringBack, broken, putAside, told, workspace } from "../store/workspace";
import { Icon } from "../ui/Icon";
import { dialog } from "./dialogs";

const NEWS_MS = 5_000;

/** What else the user should know, such as that a restart is needed. */
function Notes() {
  return <>{workspace.value?.notes.map((note) => <p key={note} class="banner" role="status">{note}</p>)}</>;
}

function Breakages() {
  const all = told.value;
  if (all.length === 0) return null;
  return (
    <div class="banner banner-offline" role="alert">
      <ul class="breakages">
        {all.map(({ file, line, cause }) => (
          <li key={`${file}:${line}:${cause}`}><strong class="mono">{line ? `${file}:${line}` : file}</strong> {cause}</li>
        ))}
      </ul>
      <span>What was loaded before stays active until {all.length === 1 ? "this file is" : "these files are"} mended.</span>
      <button type="button" class="quiet" onClick={putAside}>hide</button>
    </div>
  );
}

/** The last message can be run again with what was just saved: what would be done again is told first. */
function Again() {
  const offer = again.value;
  if (!offer) return null;
  const rerun = (): void => {
    again.value = null;
    go({ run: offer.run_id, frame: 0, node: "", visit: 1, room: "frames" }, true);
    dialog.value = "fork";
  };
  return (
    <div class="banner" role="status">
      <span>Saved: {offer.files.join(", ")}.</span>
      <button type="button" class="quiet" onClick={rerun}>re-run the last message</button>
      <button type="button" class="quiet" onClick={() => { again.value = null; }}>not now</button>
    </div>
  );
}

export const WorkspaceBanners = () => <><Breakages /><Notes /><Again /></>;

/** Stays in the header while the banner is hidden and something is still broken. */
export function Broken() {
  if (broken.value === 0 || told.value.length) return null;
  const words = plural(broken.value, "broken file");
  return (
    <button type="button" class="quiet danger" aria-label={words} title={words} onClick={bringBack}>
      <span class="glyph" aria-hidden="true">✕</span>{narrow.value ? broken.value : words}
    </button>
  );
}

export function News() {
  const text = news.value;
  useEffect(() => {
    if (!text) return undefined;
    const timer = window.setTimeout(() => { news.value = ""; }, NEWS_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  return <div role="status" class={text ? "notice notice-news" : "hidden-text"}>{text ? <><Icon name="check" /><span>{text}</span></> : null}</div>;
}
