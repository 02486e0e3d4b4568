/** A model's markdown. While it streams it is drawn ten times a second; once finished, never again. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { toHtml } from "../lib/markdown";

const EVERY_MS = 100;

export function Markdown({ text, done }: { readonly text: string; readonly done: boolean }) {
  const [drawn, setDrawn] = useState(text);
  const latest = useRef(text);
  const timer = useRef<number | undefined>(undefined);
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
  const html = useMemo(() => toHtml(source), [source]);
  return <div class="markdown" dangerouslySetInnerHTML={{ __html: html }} />;
}
