/**
 * A model's markdown. While it streams it is drawn ten times a second; once finished, never again.
 * Model output is hostile: what is drawn are the elements named here, never HTML. Raw HTML is shown as text, images
 * become inert chips (no request leaves the page), links are absolute and tell no referrer.
 */
import type { MarkedToken, Token, Tokens } from "marked";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { host, leadsTo, marked, plain, read, type Reading } from "../lib/markdown";

const EVERY_MS = 100;
/** Deeper nesting is no writing, and a browser's layout has an end too. */
const DEEPEST = 50;

export function Markdown({ text, done }: { readonly text: string; readonly done: boolean }) {
  const [drawn, setDrawn] = useState(text);
  const latest = useRef(text);
  const timer = useRef<number | undefined>(undefined);
  const before = useRef<Reading | undefined>(undefined);
  latest.current = text;
  useEffect(() => {
    if (done || timer.current !== undefined) return;
    timer.current = window.setTimeout(() => {
      timer.current = undefined;
      setDrawn(latest.current);
    }, EVERY_MS);
  }, [text, done]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const source = done ? text : drawn;
  return useMemo(() => {
    before.current = read(source, done ? undefined : before.current);
    return <div class="markdown">{before.current.blocks.map((token, at) => <Block key={at} token={token} />)}</div>;
  }, [source, done]);
}

/** A block that was read before is not drawn again. */
const Block = ({ token }: { readonly token: MarkedToken }) => useMemo(() => <>{draw(token, 0)}</>, [token]);

function draw(token: MarkedToken, depth: number): ComponentChildren {
  if (depth > DEEPEST) return token.raw;
  const inside = (tokens: readonly Token[]): ComponentChildren => marked(tokens).map((one) => draw(one, depth + 1));
  switch (token.type) {
    case "heading": {
      const Heading = `h${token.depth}` as "h1";
      return <Heading>{inside(token.tokens)}</Heading>;
    }
    case "paragraph":
      return <p>{inside(token.tokens)}</p>;
    case "text":
      return token.tokens ? inside(token.tokens) : plain(token.text);
    case "list": {
      const items = token.items.map((item, at) => <li key={at}>{inside(item.tokens)}</li>);
      return token.ordered ? <ol start={Number(token.start)}>{items}</ol> : <ul>{items}</ul>;
    }
    case "checkbox":
      return token.checked ? "☑ " : "☐ ";
    case "blockquote":
      return <blockquote>{inside(token.tokens)}</blockquote>;
    case "code": {
      const language = /^[\w+#.-]+(?=\s|$)/.exec(token.lang ?? "")?.[0];
      // A block that scrolls sideways has to be reachable without a mouse.
      return <pre tabIndex={0}><code class={language && `language-${language}`}>{token.text.replace(/\n?$/, "\n")}</code></pre>;
    }
    case "table":
      return (
        <table>
          <thead><tr>{token.header.map((cell, at) => <th key={at} align={cell.align ?? undefined}>{inside(cell.tokens)}</th>)}</tr></thead>
          <tbody>{token.rows.map((row, index) => <tr key={index}>{row.map((cell, at) => <td key={at} align={cell.align ?? undefined}>{inside(cell.tokens)}</td>)}</tr>)}</tbody>
        </table>
      );
    case "hr":
      return <hr />;
    case "html":
      return token.block ? <p class="plain">{token.text.trim()}</p> : token.text;
    case "strong":
      return <strong>{inside(token.tokens)}</strong>;
    case "em":
      return <em>{inside(token.tokens)}</em>;
    case "del":
      return <del>{inside(token.tokens)}</del>;
    case "codespan":
      return <code>{token.text}</code>;
    case "br":
      return <br />;
    case "link":
      return <Link token={token}>{token.autolink ? token.text : inside(token.tokens)}</Link>;
    case "image":
      return <span class="chip-image">image{token.text ? `: ${token.text}` : ""} ({host(plain(token.href))}, not loaded)</span>;
    case "escape":
      return token.text;
    case "space":
    case "def":
    case "list_item":
      return null;
  }
}

function Link({ token, children }: { readonly token: Tokens.Link; readonly children: ComponentChildren }) {
  const href = leadsTo(token.autolink ? token.href : plain(token.href));
  return href === undefined ? <>{children}</> : <a href={href} target="_blank" rel="noopener noreferrer nofollow">{children}</a>;
}
