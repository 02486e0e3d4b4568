/** Two times of one visit in a few letters; a side that has none is left out. */
export function between(pair: readonly [number | null, number | null], show: (value: number) => string): string {
  const [left, right] = pair;
  if (left === null || right === null) return left !== null ? show(left) : right !== null ? show(right) : "";
  return `${show(left)} → ${show(right)}`;
}
