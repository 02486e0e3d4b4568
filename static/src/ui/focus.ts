/** Focus that outlives the button it was on. */
import { useEffect, useRef } from "preact/hooks";

/** When the button with the focus goes at a `turn`, the focus stays in the `box` around it. */
export function useFocusKept(box: { readonly current: HTMLElement | null }, turn: unknown): void {
  const inside = useRef(false);
  useEffect(() => {
    const note = (): void => {
      const now = document.activeElement;
      if (now !== document.body) inside.current = box.current?.contains(now) === true;
    };
    document.addEventListener("focusin", note);
    return () => document.removeEventListener("focusin", note);
  }, []);
  useEffect(() => {
    if (inside.current && document.activeElement === document.body) box.current?.focus();
  }, [turn]);
}
