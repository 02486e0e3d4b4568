/**
 * A socket that comes back. It asks for what it missed (`since`), tells its phase, and says when
 * sockets seem to be blocked, so that the owner can poll meanwhile. It never gives up trying.
 */
export type Phase =
  | { readonly is: "connecting" }
  | { readonly is: "open" }
  | { readonly is: "waiting"; readonly tries: number; readonly ms: number }
  /** Several attempts in a row never opened. */
  | { readonly is: "blocked"; readonly tries: number }
  /** The server refused the credential. */
  | { readonly is: "denied"; readonly code: number };

export interface SocketOptions {
  readonly url: () => string;
  readonly onMessage: (message: unknown) => void;
  readonly onPhase: (phase: Phase) => void;
  /** For tests. */
  readonly make?: (url: string) => WebSocket;
  readonly later?: (run: () => void, ms: number) => number;
}

const DENIED = new Set([4001, 4401]);
const BLOCKED_AFTER = 3;
const FIRST_WAIT = 200;
const LONGEST_WAIT = 4_000;

export function wait(tries: number): number {
  return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.max(0, tries - 1));
}

export class LiveSocket {
  private socket: WebSocket | null = null;
  private tries = 0;
  private closed = false;

  constructor(private readonly options: SocketOptions) {}

  open(): void {
    this.closed = false;
    if (this.tries === 0) this.options.onPhase({ is: "connecting" });
    const make = this.options.make ?? ((url: string) => new WebSocket(url));
    const socket = make(this.options.url());
    this.socket = socket;
    socket.onopen = () => {
      this.tries = 0;
      this.options.onPhase({ is: "open" });
    };
    socket.onmessage = (message: MessageEvent) => {
      if (this.socket === socket) this.options.onMessage(JSON.parse(message.data as string));
    };
    socket.onclose = (event: CloseEvent) => {
      if (this.socket === socket) this.lost(event.code);
    };
  }

  /** False when it is not open: nothing was sent. */
  send(message: unknown): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Drop the connection and read everything again. */
  restart(): void {
    const old = this.socket;
    this.socket = null;
    old?.close();
    this.tries = 0;
    this.open();
  }

  close(): void {
    this.closed = true;
    this.socket?.close();
  }

  private lost(code: number): void {
    this.socket = null;
    if (this.closed) return;
    if (DENIED.has(code)) {
      this.options.onPhase({ is: "denied", code });
      return;
    }
    this.tries += 1;
    const ms = wait(this.tries);
    this.options.onPhase(
      this.tries >= BLOCKED_AFTER ? { is: "blocked", tries: this.tries } : { is: "waiting", tries: this.tries, ms },
    );
    const later = this.options.later ?? ((run: () => void, delay: number) => window.setTimeout(run, delay));
    later(() => {
      if (!this.closed && this.socket === null) this.open();
    }, ms);
  }
}

export function address(path: string, query: Readonly<Record<string, string | number | null>>): string {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== null) given.set(key, String(value));
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const text = given.toString();
  return `${scheme}://${location.host}${path}${text ? `?${text}` : ""}`;
}
