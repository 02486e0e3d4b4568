import { beforeEach, describe, expect, it, vi } from "vitest";
import { LiveSocket, type Phase, wait } from "../src/wire/socket";

class FakeSocket {
  static readonly OPEN = 1;
  static made: FakeSocket[] = [];
  readyState = 0;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }
  opened(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  lost(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.lost(1000);
  }
}

vi.stubGlobal("WebSocket", FakeSocket);

function setUp() {
  const phases: Phase[] = [];
  const heard: unknown[] = [];
  const later: { run: () => void; ms: number }[] = [];
  let since = 0;
  const socket = new LiveSocket({
    url: () => `ws://x/ws?since=${since}`,
    onMessage: (message) => {
      heard.push(message);
      since = (message as { seq: number }).seq;
    },
    onPhase: (phase) => phases.push(phase),
    make: (url) => new FakeSocket(url) as unknown as WebSocket,
    later: (run, ms) => later.push({ run, ms }),
  });
  const newest = (): FakeSocket => FakeSocket.made[FakeSocket.made.length - 1] as FakeSocket;
  return { socket, phases, heard, later, newest };
}

beforeEach(() => {
  FakeSocket.made = [];
});

describe("a live socket", () => {
  it("comes back asking for what it missed", () => {
    const { socket, later, newest } = setUp();
    socket.open();
    newest().opened();
    newest().onmessage?.({ data: '{"seq":41}' });
    newest().lost();
    later[0]?.run();
    expect(newest().url).toBe("ws://x/ws?since=41");
    expect(FakeSocket.made).toHaveLength(2);
  });

  it("waits longer each time, up to a limit, and begins anew once it was open", () => {
    expect([1, 2, 3, 6, 50].map(wait)).toEqual([200, 400, 800, 4000, 4000]);
    const { socket, later, newest } = setUp();
    socket.open();
    newest().lost();
    later[0]?.run();
    newest().lost();
    later[1]?.run();
    newest().opened();
    newest().lost();
    expect(later.map((one) => one.ms)).toEqual([200, 400, 200]);
  });

  it("says blocked after three attempts that never opened, and goes on trying", () => {
    const { socket, phases, later, newest } = setUp();
    socket.open();
    for (let i = 0; i < 3; i++) {
      newest().lost();
      later[i]?.run();
    }
    expect(phases.map((phase) => phase.is)).toEqual(["connecting", "waiting", "waiting", "blocked"]);
    newest().opened();
    expect(phases[phases.length - 1]).toEqual({ is: "open" });
  });

  it("does not insist when the credential is refused", () => {
    const { socket, phases, later, newest } = setUp();
    socket.open();
    newest().opened();
    newest().lost(4001);
    expect(phases[phases.length - 1]).toEqual({ is: "denied", code: 4001 });
    expect(later).toEqual([]);
  });

  it("sends only while open, and says so", () => {
    const { socket, newest } = setUp();
    socket.open();
    expect(socket.send({ text: "a" })).toBe(false);
    newest().opened();
    expect(socket.send({ text: "b" })).toBe(true);
    expect(newest().sent).toEqual(['{"text":"b"}']);
  });

  it("ignores a connection it has replaced", () => {
    const { socket, heard, later } = setUp();
    socket.open();
    const old = FakeSocket.made[0] as FakeSocket;
    old.opened();
    socket.restart();
    old.onmessage?.({ data: '{"seq":1}' });
    expect(heard).toEqual([]);
    expect(later).toEqual([]);
    expect(FakeSocket.made).toHaveLength(2);
  });
});
