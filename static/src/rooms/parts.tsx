/** The parts of the page that the first paint does not need. Each is a file of its own. */
import type { ComponentType } from "preact";
import type { Room } from "../lib/place";
import { Dialog } from "../ui/Dialog";
import { late, Missing } from "../ui/late";

interface Closes {
  readonly onClose: () => void;
}

const Missed = ({ onClose }: Closes) => <Dialog label="Not loaded" kind="sheet" onClose={onClose}><Missing what="This dialog" /></Dialog>;

/** A dialog of its own file. */
const sheet = <P extends Closes>(load: () => Promise<ComponentType<P>>) =>
  late(load, ({ onClose }, failed) => (failed ? <Missed onClose={onClose} /> : <></>));

export const Breakpoints = sheet(async () => (await import("./Breakpoints")).Breakpoints);
export const Changes = late(async () => (await import("./Changes")).Changes);
export const Controls = late(async () => (await import("./Controls")).Controls, () => <></>);
export const ForkDialog = sheet(async () => (await import("./ForkDialog")).ForkDialog);
export const MemoryRoom = late(async () => (await import("./Memory")).MemoryRoom);
export const ModelCall = late(async () => (await import("./ModelCall")).ModelCall);
export const DebugBar = late(async () => (await import("./DebugBar")).DebugBar, (_, failed) => (failed ? <Missing what="The debugger" /> : <></>));
export const DiffDialog = sheet(async () => (await import("./DiffDialog")).DiffDialog);
export const EditDialog = sheet(async () => (await import("./EditDialog")).EditDialog);
export const ModelDialog = sheet(async () => (await import("./ModelDialog")).ModelDialog);
export const ResumeDialog = sheet(async () => (await import("./ResumeDialog")).ResumeDialog);
export const Picture = late(async () => (await import("./Picture")).Picture);
export const Processes = late(async () => (await import("./Processes")).Processes);
export const ProcessesOf = late(async () => (await import("./Processes")).ProcessesOf);
export const Tests = late(async () => (await import("./Tests")).Tests);
export const ToolCall = late(async () => (await import("./ToolCall")).ToolCall);
export const Verdict = late(async () => (await import("./Verdict")).Verdict);

export const TestDialog = sheet(async () => (await import("./TestDialog")).TestDialog);

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
