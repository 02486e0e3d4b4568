/** Where the rooms stand: chat, run and inspector side by side; one room at a time on a phone. */
import type { ComponentChildren } from "preact";
import { connection } from "../store/connection";
import type { Room } from "../lib/place";
import { notice } from "../store/notice";
import { go, place } from "../store/place";
import { busy } from "../store/processes";
import { narrow } from "../store/screen";
import { shownTests, tally } from "../store/tests";
import { Icon } from "../ui/Icon";
import { type TabOf, Tabs } from "../ui/Tabs";
import { Chat } from "./Chat";
import { Dialogs } from "./Dialogs";
import { Events } from "./Events";
import { Frames } from "./Frames";
import { GraphRoom } from "./Graph";
import { Banners, Header } from "./Header";
import { Inspector } from "./Inspector";
import { MemoryRoom, Processes, Tests } from "./parts";
import { Runs } from "./Runs";
import { News } from "./Workspace";

/** Rooms that are one view where there is space for all of them. */
const TOGETHER: ReadonlySet<Room> = new Set(["chat", "graph", "frames", "inspector"]);

function testBadge(): string | undefined {
  const { done, failed, expected } = tally.value;
  if (failed) return `✕ ${failed}`;
  return shownTests.value?.running ? `${done}/${expected ?? "—"}` : undefined;
}

const atWork = (): string | undefined => (busy.value ? `● ${busy.value}` : undefined);

const wideTabs = (): readonly TabOf<Room>[] => [
  { key: "frames", label: "Run" }, { key: "runs", label: "Runs" }, { key: "events", label: "Events" },
  { key: "memory", label: "Memory", badge: atWork() }, { key: "tests", label: "Tests", badge: testBadge() },
];

const phoneTabs = (): readonly TabOf<Room>[] => [
  { key: "chat", label: "Chat" }, { key: "graph", label: "Graph" }, { key: "frames", label: "Frames" }, { key: "inspector", label: "Inspect" },
  { key: "runs", label: "Runs" }, { key: "events", label: "Events" }, { key: "memory", label: "Memory", badge: atWork() }, { key: "tests", label: "Tests", badge: testBadge() },
];

function Aside({ room }: { readonly room: Room }) {
  if (room === "runs") return <Runs />;
  if (room === "events") return <Events />;
  return room === "tests" ? <Tests /> : <State room={room} />;
}

/** Two rooms behind one tab: what is remembered, and what is at work. */
function State({ room }: { readonly room: Room }) {
  return (
    <div class="state">
      <Tabs label="Memory and processes" panel="state" tabs={[{ key: "memory", label: "Memory and state" }, { key: "processes", label: "Processes", badge: busy.value || undefined }]} current={room} onChoose={(key) => go({ room: key }, true)} kind="tabs-small" />
      <div id="state" role="tabpanel" class="state-body" aria-labelledby={`state-tab-${room}`}>{room === "memory" ? <MemoryRoom /> : <Processes />}</div>
    </div>
  );
}

/** The tab behind which a room is. */
const tabOf = (room: Room): Room => (room === "processes" ? "memory" : room);

function Wide({ room }: { readonly room: Room }) {
  const together = TOGETHER.has(room);
  const tab = together ? "frames" : tabOf(room);
  return (
    <main class="wide">
      <Chat />
      <div class="centre">
        <Tabs label="Rooms" panel="rooms" tabs={wideTabs()} current={tab} onChoose={(key) => go({ room: key }, true)} />
        <div id="rooms" role="tabpanel" class="centre-body" aria-labelledby={`rooms-tab-${tab}`}>
          {together ? <div class="run-view"><GraphRoom /><Frames /></div> : <Aside room={room} />}
        </div>
      </div>
      <Inspector />
    </main>
  );
}

function one(room: Room): ComponentChildren {
  if (room === "chat") return <Chat />;
  if (room === "graph") return <GraphRoom />;
  if (room === "frames") return <Frames />;
  return room === "inspector" ? <Inspector /> : <Aside room={room} />;
}

function Phone({ room }: { readonly room: Room }) {
  return (
    <main class="phone">
      <div id="rooms" role="tabpanel" class="phone-body" aria-labelledby={`rooms-tab-${tabOf(room)}`}>{one(room)}</div>
      <Tabs label="Rooms" panel="rooms" tabs={phoneTabs()} current={tabOf(room)} onChoose={(key) => go({ room: key }, true)} kind="tabs-phone" />
    </main>
  );
}

function Denied() {
  return (
    <main class="denied">
      <h1>Framescope</h1>
      <p>This page has no access yet: open the link printed at start, or run: <code>python3 run.py open</code></p>
    </main>
  );
}

function Notice() {
  if (!notice.value) return null;
  return (
    <div class="notice" role="alert">
      <span>{notice.value}</span>
      <button type="button" class="quiet" aria-label="Close" onClick={() => { notice.value = ""; }}><Icon name="cross" /></button>
    </div>
  );
}

export function App() {
  if (connection.value.state === "denied") return <Denied />;
  const { room } = place.value;
  return (
    <>
      <Header />
      <Banners />
      {narrow.value ? <Phone room={room} /> : <Wide room={room} />}
      <Notice />
      <News />
      <Dialogs />
    </>
  );
}
