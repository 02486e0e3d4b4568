/** A bounded log. Items keep their number for ever; the oldest are forgotten when it is full. */
export class Ring<T> {
  private readonly slots: (T | undefined)[];
  /** Number of the oldest item that is kept. */
  first = 0;
  /** Number the next item will get. */
  next = 0;

  constructor(readonly capacity: number) {
    this.slots = new Array<T | undefined>(capacity);
  }

  push(item: T): number {
    const number = this.next++;
    this.slots[number % this.capacity] = item;
    if (this.next - this.first > this.capacity) this.first = this.next - this.capacity;
    return number;
  }

  at(number: number): T | undefined {
    return number >= this.first && number < this.next ? this.slots[number % this.capacity] : undefined;
  }

  get size(): number {
    return this.next - this.first;
  }

  clear(): void {
    this.slots.fill(undefined);
    this.first = this.next;
  }
}
