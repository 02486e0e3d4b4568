/** The parts of the page that the first paint does not need. Each is a file of its own. */
import type { Room } from "../lib/place";
import { Dialog } from "../ui/Dialog";
import { late, Missing } from "../ui/late";

export const Changes = late(async () => (await import("./Changes")).Changes);
export const Controls = late(async () => (await import("./Controls")).Controls, () => <></>);
export const MemoryRoom = late(async () => (await import("./Memory")).MemoryRoom);
export const ModelCall = late(async () => (await import("./ModelCall")).ModelCall);
export const ModelDialog = late(
  async () => (await import("./ModelDialog")).ModelDialog,
  ({ onClose }, failed) => (failed ? <Dialog label="Model" kind="sheet" onClose={onClose}><Missing what="This dialog" /></Dialog> : <></>),
);
export const Picture = late(async () => (await import("./Picture")).Picture);
export const Processes = late(async () => (await import("./Processes")).Processes);
export const ProcessesOf = late(async () => (await import("./Processes")).ProcessesOf);
export const Tests = late(async () => (await import("./Tests")).Tests);
export const ToolCall = late(async () => (await import("./ToolCall")).ToolCall);
export const Verdict = late(async () => (await import("./Verdict")).Verdict);

/** Until the formatter has come, an answer is the text that it is. */
export const Markdown = late(
  async () => (await import("../ui/Markdown")).Markdown,
  ({ text }, failed) => (
    <div class="markdown">
      <p class="plain">{text}</p>
      {failed ? <Missing what="The formatter" /> : null}
    </div>
  ),
);

const ROOMS: Partial<Readonly<Record<Room, { readonly fetch: () => Promise<void> }>>> = {
  memory: MemoryRoom, processes: Processes, tests: Tests,
};

/** When the room can be shown. */
export const arrived = (room: Room): Promise<void> => ROOMS[room]?.fetch() ?? Promise.resolve();
