/** The command palette and the key sheet. */
import type { ComponentType } from "preact";
import { useState } from "preact/hooks";
import { known, shownId } from "../store/runs";
import type { RunView } from "../store/visits";
import { Dialog } from "../ui/Dialog";
import { COMMANDS, offers } from "./commands";
import { dialog } from "./dialogs";
import { Breakpoints, DiffDialog, EditDialog, ForkDialog, ModelDialog, ResumeDialog, TestDialog } from "./parts";

const close = (): void => {
  dialog.value = "";
};

function Keys() {
  return (
    <Dialog label="Keys" kind="sheet" onClose={close}>
      <h2>Keys</h2>
      <dl>
        {COMMANDS.map((command) => (
          <div key={command.name}><dt>{command.keys?.split(" ").map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{command.name}</dd></div>
        ))}
        <div><dt><kbd>Enter</kbd></dt><dd>send the message</dd></div>
        <div><dt><kbd>Esc</kbd></dt><dd>leave a field, close a dialog</dd></div>
      </dl>
    </Dialog>
  );
}

const MOST = 12;

function Palette() {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [all] = useState(offers);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter((command) => words.every((word) => command.name.toLowerCase().includes(word))).slice(0, MOST);
  const run = (index: number): void => {
    const command = found[index];
    close();
    command?.run();
  };
  const key = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step) setAt((at + step + found.length) % Math.max(1, found.length));
    else if (event.key === "Enter") run(at);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog label="Commands" kind="palette" onClose={close}>
      <input
        type="text" role="combobox" aria-label="Command" aria-expanded="true" aria-controls="palette-list" autocomplete="off" spellcheck={false}
        aria-activedescendant={found.length ? `palette-${at}` : undefined} placeholder="Type a command or a run" value={text} autofocus
        onInput={(event) => { setText(event.currentTarget.value); setAt(0); }} onKeyDown={key}
      />
      <ul id="palette-list" role="listbox" aria-label="Commands">
        {found.map((command, index) => (
          <li key={command.name} id={`palette-${index}`} role="option" aria-selected={index === at} onClick={() => run(index)} onPointerMove={() => setAt(index)}>
            <span>{command.name}</span>
            {command.keys ? <span class="keys">{command.keys.split(" ").map((part) => <kbd key={part}>{part}</kbd>)}</span> : null}
          </li>
        ))}
      </ul>
      {found.length ? null : <p class="faint">No command matches.</p>}
    </Dialog>
  );
}

interface AboutRun {
  readonly run: RunView;
  readonly onClose: () => void;
}

/** A dialog stays with the run that was shown when it was opened, whatever begins since. */
function Of({ part: Part }: { readonly part: ComponentType<AboutRun> }) {
  const [id] = useState(() => shownId.peek());
  const run = known(id);
  return run ? <Part run={run} onClose={close} /> : null;
}

export function Dialogs() {
  switch (dialog.value) {
    case "":
      return null;
    case "palette":
      return <Palette />;
    case "keys":
      return <Keys />;
    case "model":
      return <ModelDialog onClose={close} />;
    case "breakpoints":
      return <Breakpoints onClose={close} />;
    case "edit":
      return <EditDialog onClose={close} />;
    case "diff":
      return <Of key="diff" part={DiffDialog} />;
    case "fork":
      return <Of key="fork" part={ForkDialog} />;
    case "resume":
      return <Of key="resume" part={ResumeDialog} />;
    case "test":
      return <Of key="test" part={TestDialog} />;
  }
}
