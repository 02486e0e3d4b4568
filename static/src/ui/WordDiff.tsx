/** Two texts in one: what was expected is struck, what came is underlined. */
import { useMemo } from "preact/hooks";
import { words } from "../lib/words";

export function WordDiff({ expected, got, label = "Difference: recorded and now" }: { readonly expected: unknown; readonly got: unknown; readonly label?: string }) {
  const pieces = useMemo(() => words(expected, got), [expected, got]);
  return (
    <pre class="diff" tabIndex={0} aria-label={label}>
      {pieces.map((piece, index) =>
        piece.kind === "new" ? <ins key={index}>{piece.text}</ins> : piece.kind === "gone" ? <del key={index}>{piece.text}</del> : <span key={index}>{piece.text}</span>,
      )}
    </pre>
  );
}
