/** The keyboard. Never while typing, never over the browser's own keys. */
import { COMMANDS } from "./commands";
import { dialog } from "./dialogs";

const CHORD_MS = 1_200;
const byKeys = new Map(COMMANDS.map((command) => [command.keys, command]));

/** Keys that write nothing work while typing too. */
const FUNCTION = /^F\d+$/;

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));

export function listen(): void {
  let first = "";
  let since = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      dialog.value = dialog.peek() === "palette" ? "" : "palette";
      return;
    }
    if (event.key === "Escape" && typing(event.target)) (event.target as HTMLElement).blur();
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.peek()) return;
    if (typing(event.target) && !FUNCTION.test(event.key)) return;
    const chord = first && event.timeStamp - since < CHORD_MS ? `${first} ${event.key}` : event.key;
    first = "";
    if (event.key === "g" && chord === "g") {
      first = "g";
      since = event.timeStamp;
      return;
    }
    const command = byKeys.get(chord);
    if (!command || command.when?.() === false) return;
    event.preventDefault();
    command.run();
  });
}
