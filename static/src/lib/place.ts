/**
 * Where the page is, as text in the address: `#/frames?run=…&frame=3&node=thinker&tab=model`.
 * Everything that can be selected is here, so a reload, a restart or a colleague sees the same.
 */
export const ROOMS = ["chat", "graph", "frames", "inspector", "memory", "processes", "runs", "events", "tests"] as const;
export type Room = (typeof ROOMS)[number];

export const TABS = ["summary", "input", "output", "model", "tools", "state", "raw"] as const;
export type Tab = (typeof TABS)[number];

export interface Place {
  readonly room: Room;
  /** Empty: follow the newest run. */
  readonly run: string;
  /** 0: no frame is selected. */
  readonly frame: number;
  readonly node: string;
  readonly visit: number;
  readonly tab: Tab;
  /** Filter of the runs. */
  readonly q: string;
  /** Filter of the events. */
  readonly ev: string;
  /** Selected event; 0 for none. */
  readonly seq: number;
  /** Unfolded process. */
  readonly pid: string;
  /** Which checks of a suite are shown; empty for all. */
  readonly only: "" | "failed";
}

export const HOME: Place = {
  room: "frames", run: "", frame: 0, node: "", visit: 1, tab: "summary", q: "", ev: "", seq: 0, pid: "", only: "",
};

const whole = (text: string | null, otherwise: number): number => {
  const value = Number(text ?? "");
  return Number.isInteger(value) && value > 0 ? value : otherwise;
};

const among = <T extends string>(all: readonly T[], text: string | null, otherwise: T): T =>
  all.find((one) => one === text) ?? otherwise;

export function parse(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const given = new URLSearchParams(query);
  return {
    room: among(ROOMS, path, HOME.room),
    run: given.get("run") ?? "",
    frame: whole(given.get("frame"), 0),
    node: given.get("node") ?? "",
    visit: whole(given.get("visit"), 1),
    tab: among(TABS, given.get("tab"), HOME.tab),
    q: given.get("q") ?? "",
    ev: given.get("ev") ?? "",
    seq: whole(given.get("seq"), 0),
    pid: given.get("pid") ?? "",
    only: given.get("only") === "failed" ? "failed" : "",
  };
}

/** Only what differs from the home place is written. */
export function format(place: Place): string {
  const query = new URLSearchParams();
  for (const key of ["run", "frame", "node", "visit", "tab", "q", "ev", "seq", "pid", "only"] as const) {
    if (place[key] !== HOME[key]) query.set(key, String(place[key]));
  }
  const text = query.toString();
  return `#/${place.room}${text ? `?${text}` : ""}`;
}
