/** A modal on the platform's own dialog. What was typed in it is not lost unasked, however it is closed. */
import { type ComponentChildren, createContext } from "preact";
import { useContext, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

interface Way {
  /** Something was typed that would be lost. */
  typed: boolean;
  out: () => void;
}

const WayOut = createContext<Way>({ typed: false, out: () => undefined });

/** While something is `typed`, closing the dialog around asks first. */
export function useTyped(typed: boolean): void {
  const way = useContext(WayOut);
  useLayoutEffect(() => {
    way.typed = typed;
    return () => {
      way.typed = false;
    };
  }, [typed]);
}

/** Closes the dialog around, as Escape and a click beside it do. */
export function Close({ children }: { readonly children: ComponentChildren }) {
  const way = useContext(WayOut);
  return <button type="button" class="quiet" onClick={() => way.out()}>{children}</button>;
}

/** Escape closes a dialog, and the palette takes its place. */
const leaves = (event: KeyboardEvent): boolean =>
  !event.isComposing && (event.key === "Escape" || ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k"));

export function Dialog(props: { readonly label: string; readonly onClose: () => void; readonly kind: string; readonly children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  const keeps = useRef<HTMLButtonElement>(null);
  const before = useRef<HTMLElement | null>(null);
  const [asking, setAsking] = useState(false);
  const way = useMemo((): Way => ({ typed: false, out: () => undefined }), []);
  const keep = (): void => {
    setAsking(false);
    before.current?.focus();
  };
  way.out = () => {
    if (way.typed) setAsking(true);
    else props.onClose();
  };
  useLayoutEffect(() => {
    const dialog = box.current;
    if (dialog && !dialog.open) dialog.showModal();
  }, []);
  useLayoutEffect(() => {
    if (asking) keeps.current?.focus();
  }, [asking]);
  const key = (event: KeyboardEvent): void => {
    if (!way.typed || !leaves(event)) return;
    event.preventDefault();
    event.stopPropagation();
    if (asking) keep();
    else way.out();
  };
  const cancelled = (event: Event): void => {
    if (way.typed) event.preventDefault();
    way.out();
  };
  /** A browser may close it without having asked. */
  const closed = (): void => {
    if (way.typed) box.current?.showModal();
    way.out();
  };
  const focused = (event: FocusEvent): void => {
    const now = event.target as HTMLElement;
    if (now === box.current || now.closest(".ask")) return;
    before.current = now;
    setAsking(false);
  };
  return (
    <WayOut.Provider value={way}>
      <dialog
        ref={box} class={props.kind} aria-label={props.label} onClose={closed} onCancel={cancelled} onKeyDown={key} onFocusIn={focused}
        onClick={(event) => { if (event.target === box.current) way.out(); }}
      >
        {props.children}
        {asking ? (
          <div class="banner ask" role="alertdialog" aria-label="Discard your change?">
            <span>Discard your change?</span>
            <button ref={keeps} type="button" class="quiet" onClick={keep}>keep it</button>
            <button type="button" class="quiet" onClick={props.onClose}>discard it</button>
          </div>
        ) : null}
      </dialog>
    </WayOut.Provider>
  );
}
