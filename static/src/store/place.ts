/** The address is the only memory of what is selected. */
import { effect, signal } from "@preact/signals";
import { format, parse, type Place, type Room } from "../lib/place";

export const place = signal<Place>(parse(location.hash));

window.addEventListener("hashchange", () => {
  place.value = parse(location.hash);
});

effect(() => {
  const wanted = format(place.value);
  if (wanted !== (location.hash || "#/frames")) history.replaceState(null, "", wanted);
});

/** Go somewhere; `mark` makes it a step that the back button undoes. */
export function go(change: Partial<Place>, mark = false): void {
  const next = { ...place.value, ...change };
  if (mark && format(next) !== format(place.value)) history.pushState(null, "", format(next));
  place.value = next;
}

export const room = (name: Room): void => go({ room: name }, true);

/** Show the newest run, and go on to the next when it comes. */
export const follow = (): void => go({ run: "", frame: 0, node: "", visit: 1 });
