/** The command palette and the key sheet. */
import { useState } from "preact/hooks";
import { shown } from "../store/runs";
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
      return shown.value ? <DiffDialog run={shown.value} onClose={close} /> : null;
    case "fork":
      return shown.value ? <ForkDialog run={shown.value} onClose={close} /> : null;
    case "resume":
      return shown.value ? <ResumeDialog run={shown.value} onClose={close} /> : null;
    case "test":
      return shown.value ? <TestDialog run={shown.value} onClose={close} /> : null;
  }
}
