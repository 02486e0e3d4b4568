/** JSON as a person types it: what it says, where each value stands, and where it ends being JSON. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type Parsed =
  | { readonly ok: true; readonly value: unknown; /** By JSON pointer. */ readonly places: ReadonlyMap<string, Span> }
  | { readonly ok: false; readonly at: number; readonly text: string };

class Misplaced extends Error {
  constructor(readonly at: number, expected: string) {
    super(`expected ${expected}`);
  }
}

const SPACE = /[ \t\r\n]*/y;
const SCALAR = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

export const escaped = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

class Reader {
  at = 0;
  readonly places = new Map<string, Span>();
  constructor(private readonly text: string) {}

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  /** Take this sign, if it comes next. */
  private takes(sign: string): boolean {
    this.match(SPACE);
    if (this.text[this.at] !== sign) return false;
    this.at++;
    return true;
  }

  private need(sign: string, otherwise = `'${sign}'`): void {
    if (!this.takes(sign)) throw new Misplaced(this.at, otherwise);
  }

  value(path: string): void {
    this.match(SPACE);
    const start = this.at;
    if (this.takes("{")) this.members("}", () => this.key(path));
    else if (this.takes("[")) {
      let index = 0;
      this.members("]", () => `${path}/${index++}`);
    } else this.scalar(start);
    this.places.set(path, { start, end: this.at });
  }

  /** A number that is none here would silently be sent as null. */
  private scalar(start: number): void {
    const found = this.match(SCALAR);
    if (!found) throw new Misplaced(start, this.text[start] === '"' ? "a text that is closed, with its line breaks and backslashes escaped" : "a value");
    if (/^[-\d]/.test(found) && !Number.isFinite(Number(found))) throw new Misplaced(start, "a number below 1.8e308");
  }

  private key(path: string): string {
    this.match(SPACE);
    const start = this.at;
    const name = this.text[start] === '"' ? this.match(SCALAR) : "";
    if (!name) throw new Misplaced(start, "a key in double quotes");
    this.need(":");
    return `${path}/${escaped(JSON.parse(name) as string)}`;
  }

  private members(close: "}" | "]", next: () => string): void {
    if (this.takes(close)) return;
    do this.value(next());
    while (this.takes(","));
    this.need(close, `',' or '${close}'`);
  }

  end(): void {
    this.match(SPACE);
    if (this.at < this.text.length) throw new Misplaced(this.at, "nothing more");
  }
}

export function parse(text: string): Parsed {
  const reader = new Reader(text);
  try {
    reader.value("");
    reader.end();
    return { ok: true, value: JSON.parse(text) as unknown, places: reader.places };
  } catch (error) {
    if (!(error instanceof Misplaced)) throw error;
    const lines = text.slice(0, error.at).split("\n");
    return { ok: false, at: error.at, text: `line ${lines.length}, column ${(lines[lines.length - 1] ?? "").length + 1}: ${error.message}` };
  }
}

/** Where the value at a pointer stands, or the nearest one around it. */
export function place(parsed: Parsed, pointer: string): Span | null {
  if (!parsed.ok) return { start: parsed.at, end: parsed.at + 1 };
  for (let path = pointer; path; path = path.slice(0, path.lastIndexOf("/"))) {
    const found = parsed.places.get(path);
    if (found) return found;
  }
  return null;
}
