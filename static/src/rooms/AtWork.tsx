/** Runs at work beside the conversation, each with a way to stop it. */
import { useRef } from "preact/hooks";
import { oneLine, shortId } from "../lib/format";
import { type Aside, asides } from "../store/asides";
import { attempt } from "../store/notice";
import { cancel } from "../store/session";
import { Status } from "../ui/bits";
import { useFocusKept } from "../ui/focus";
import { Icon } from "../ui/Icon";
import { pickRun } from "./choose";
import { dialog } from "./dialogs";

export const isOf = (run_id: string) => (one: Aside): boolean => one.fork_of === run_id || one.replay_of === run_id;

function List({ all }: { readonly all: readonly Aside[] }) {
  return (
    <ul aria-label="At work">
      {all.map((one) => (
        <li key={one.run_id}>
          <Status of={one.status} />
          <button type="button" class="link mono" title={one.run_id} onClick={() => { dialog.value = ""; pickRun(one, "frames"); }}>{one.kind} {shortId(one.run_id)}</button>
          <span class="run-message">{oneLine(one.text)}</span>
          <button type="button" class="quiet" aria-label={`cancel ${one.kind} ${shortId(one.run_id)}`} onClick={() => void attempt(cancel(one.run_id))}><Icon name="stop" />cancel</button>
        </li>
      ))}
    </ul>
  );
}

export function AtWork({ which }: { readonly which?: (one: Aside) => boolean }) {
  const all = which ? asides.value.filter(which) : asides.value;
  const box = useRef<HTMLDivElement>(null);
  useFocusKept(box, all.length);
  return (
    <div class="at-work" ref={box} tabIndex={-1}>
      {all.length ? <List all={all} /> : null}
    </div>
  );
}
