/** A modal on the platform's own dialog: focus, Escape and the backdrop are the browser's. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

export function Dialog(props: { readonly label: string; readonly onClose: () => void; readonly kind: string; readonly children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = box.current;
    if (dialog && !dialog.open) dialog.showModal();
  }, []);
  const outside = (event: MouseEvent): void => {
    if (event.target === box.current) props.onClose();
  };
  return (
    <dialog ref={box} class={props.kind} aria-label={props.label} onClose={props.onClose} onCancel={props.onClose} onClick={outside}>
      {props.children}
    </dialog>
  );
}
