import { describe, expect, it } from "vitest";
import { Ring } from "../src/lib/ring";
import { RingView } from "../src/lib/view";

const filled = (capacity: number, count: number): Ring<number> => {
  const ring = new Ring<number>(capacity);
  for (let i = 0; i < count; i++) ring.push(i);
  return ring;
};

describe("a ring", () => {
  it("forgets the oldest and keeps numbers", () => {
    const ring = filled(4, 10);
    expect([ring.first, ring.next, ring.size]).toEqual([6, 10, 4]);
    expect(ring.at(5)).toBeUndefined();
    expect([6, 7, 8, 9].map((n) => ring.at(n))).toEqual([6, 7, 8, 9]);
    expect(ring.at(10)).toBeUndefined();
  });

  it("is empty after clear, and its numbers go on", () => {
    const ring = filled(4, 3);
    ring.clear();
    expect([ring.size, ring.at(2)]).toEqual([0, undefined]);
    expect(ring.push(7)).toBe(3);
  });
});

describe("a view of a ring", () => {
  it("looks at new items only", () => {
    const ring = filled(100, 10);
    const seen: number[] = [];
    const view = new RingView(ring, (n) => (seen.push(n), n % 2 === 0));
    view.sync();
    ring.push(10);
    view.sync();
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(view.length).toBe(6);
  });

  it("says how many matches the ring has forgotten", () => {
    const ring = filled(8, 8);
    const view = new RingView(ring, (n) => n % 2 === 0).sync();
    for (let i = 8; i < 12; i++) ring.push(i);
    view.sync();
    expect([view.start, view.length, view.at(0)]).toEqual([2, 4, 4]);
  });

  it("survives falling behind by more than the ring holds", () => {
    const ring = filled(4, 2);
    const view = new RingView(ring, () => true).sync();
    for (let i = 2; i < 50; i++) ring.push(i);
    view.sync();
    expect(Array.from({ length: view.length }, (_, i) => view.at(i))).toEqual([46, 47, 48, 49]);
  });

  it("finds the place of an item by its rising key", () => {
    const view = new RingView(filled(100, 50), (n) => n % 5 === 0).sync();
    expect(view.find(20, (n) => n)).toBe(4);
    expect(view.find(21, (n) => n)).toBe(5);
    expect(view.find(1000, (n) => n)).toBe(view.length);
  });
});
