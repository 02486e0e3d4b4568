import type { Ring } from "./ring";

/**
 * The items of a ring that pass a test, kept up to date by looking at new items only.
 * Positions are stable: `start` rises when the ring forgets, and never falls.
 */
export class RingView<T> {
  private matches: number[] = [];
  private seen: number;
  private test: (item: T) => boolean;
  private forgotten = 0;

  constructor(private readonly ring: Ring<T>, test: (item: T) => boolean) {
    this.test = test;
    this.seen = ring.first;
  }

  refine(test: (item: T) => boolean): void {
    this.test = test;
    this.matches = [];
    this.forgotten = 0;
    this.seen = this.ring.first;
  }

  /** Take in what was pushed since the last call. */
  sync(): this {
    for (let n = Math.max(this.seen, this.ring.first); n < this.ring.next; n++) {
      const item = this.ring.at(n);
      if (item !== undefined && this.test(item)) this.matches.push(n);
    }
    this.seen = this.ring.next;
    this.forget();
    return this;
  }

  private forget(): void {
    let gone = 0;
    while (gone < this.matches.length && (this.matches[gone] as number) < this.ring.first) gone++;
    if (gone === 0) return;
    this.matches.splice(0, gone);
    this.forgotten += gone;
  }

  get length(): number {
    return this.matches.length;
  }

  /** How many matches the ring has forgotten. */
  get start(): number {
    return this.forgotten;
  }

  at(index: number): T | undefined {
    const number = this.matches[index];
    return number === undefined ? undefined : this.ring.at(number);
  }

  /** First position whose item is not before `wanted`, for items in rising order of `key`. */
  find(wanted: number, key: (item: T) => number): number {
    let low = 0;
    let high = this.matches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const item = this.at(middle);
      if (item !== undefined && key(item) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
