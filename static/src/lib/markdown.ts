/** Markdown read into blocks, and what of it may become an address. Nothing here makes HTML. */
import { Lexer, type MarkedToken, type Token } from "marked";

export interface Reading {
  readonly source: string;
  readonly blocks: readonly MarkedToken[];
}

/** Where the last block begins that stands after a blank line: what is before it is not changed by more text. */
function settled(blocks: readonly MarkedToken[]): number {
  const last = blocks.findLastIndex(({ type }) => type !== "space");
  return blocks.slice(0, Math.max(0, last)).findLastIndex(({ type }) => type === "space") + 1;
}

/**
 * Read a text. An answer that grows is read `after` what was read of it before, at the price of its last blocks;
 * a link whose address is told further down waits for the reading of the whole.
 */
export function read(text: string, after?: Reading): Reading {
  const source = text.replace(/\r\n?/g, "\n");
  const kept = after && source.startsWith(after.source) ? after.blocks.slice(0, settled(after.blocks)) : [];
  const lexer = new Lexer({ gfm: true, breaks: true });
  let from = 0;
  for (const block of kept) {
    from += block.raw.length;
    if (block.type === "def") lexer.tokens.links[block.tag] ??= block;
  }
  const rest = source.slice(from);
  try {
    return { source, blocks: [...kept, ...marked(lexer.lex(rest))] };
  } catch {
    // Blocks in blocks by the thousand are too deep to be read: they stay the text that they are.
    return { source, blocks: [...kept, { type: "code", raw: rest, text: rest }] };
  }
}

/** Without extensions there are no others. */
export const marked = (tokens: readonly Token[]): readonly MarkedToken[] => tokens as readonly MarkedToken[];

/** The name of a character, as `&amp;`: it alone is given to the browser's parser, and only text is taken from it. */
const NAMED = /&(?:#\d{1,7}|#x[\da-f]{1,6}|\w+);/gi;

/** The text with named characters as the characters they are. */
export const plain = (text: string): string =>
  text.replace(NAMED, (name) => new DOMParser().parseFromString(`.${name}`, "text/html").body.textContent.slice(1));

/** An address that a link may lead to: absolute, and of a scheme that runs nothing here. */
export const leadsTo = (href: string): string | undefined => (/^(https?:\/\/|mailto:)/i.test(href) ? href : undefined);

export function host(address: string): string {
  try {
    return new URL(address).host || "no host";
  } catch {
    return "no host";
  }
}
