/** Rows a model or a database gave, as text. */
import { useState } from "preact/hooks";
import { plural } from "../lib/format";
import type { Table } from "../lib/json";
import { text } from "../lib/json";

const MOST = 200;

export function DataTable({ table, caption }: { readonly table: Table; readonly caption: string }) {
  const [most, setMost] = useState(MOST);
  const numeric = (at: number): boolean => typeof table.rows[0]?.[at] === "number";
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class="hidden-text">{caption}</caption>
        <thead><tr>{table.columns.map((column, at) => <th key={column} scope="col" class={numeric(at) ? "number" : ""}>{column}</th>)}</tr></thead>
        <tbody>
          {table.rows.slice(0, most).map((row, index) => (
            <tr key={index}>{row.map((cell, at) => <td key={at} class={typeof cell === "number" ? "number" : ""}>{text(cell)}</td>)}</tr>
          ))}
        </tbody>
      </table>
      {table.rows.length > most ? <button type="button" class="link more-rows" onClick={() => setMost(table.rows.length)}>{plural(table.rows.length - most, "more row")}</button> : null}
    </div>
  );
}
