/** Reading values whose shape only their owner knows. */
export type Fields = Readonly<Record<string, unknown>>;

export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string {
  if (typeof value === "string") return value;
  return value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** A table from `{columns, rows}` or from a list of objects; `null` when it is neither. */
export function table(value: unknown): Table | null {
  const whole = fields(value);
  const rows = items(Array.isArray(value) ? value : (whole["rows"] ?? whole["data"]));
  const named = items(whole["columns"]).map(text);
  if (rows.length === 0) return named.length ? { columns: named, rows: [] } : null;
  if (rows.every(Array.isArray)) {
    const cells = rows as readonly (readonly unknown[])[];
    return { columns: named.length ? named : (cells[0] ?? []).map((_, i) => String(i + 1)), rows: cells };
  }
  if (!rows.every((row) => typeof row === "object" && row !== null)) return null;
  const columns = named.length ? named : [...new Set(rows.flatMap((row) => Object.keys(fields(row))))];
  return { columns, rows: rows.map((row) => columns.map((column) => fields(row)[column])) };
}
