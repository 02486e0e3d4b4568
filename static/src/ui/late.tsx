/**
 * Parts of the page that are fetched when they are first shown, from our own origin. A part that
 * cannot be fetched (the server is gone, or has a newer page) says so, and is asked for again next time.
 */
import { signal } from "@preact/signals";
import type { ComponentType, FunctionComponent, VNode } from "preact";
import { useEffect } from "preact/hooks";

export type Late<P> = FunctionComponent<P> & {
  /** Fetch it before it is shown; never rejects. */
  readonly fetch: () => Promise<void>;
};

export function Missing({ what }: { readonly what: string }) {
  return (
    <p class="fault" role="alert">
      {what} could not be loaded: the server is gone, or has a newer page. <button type="button" class="link" onClick={() => location.reload()}>reload</button>
    </p>
  );
}

/** `meanwhile` is what stands there until it has come. */
export function late<P extends object>(load: () => Promise<ComponentType<P>>, meanwhile?: (props: P, failed: boolean) => VNode): Late<P> {
  const part = signal<{ readonly Is: ComponentType<P> } | null>(null);
  const failed = signal(false);
  let asked: Promise<void> | undefined;
  const fetch = (): Promise<void> => {
    asked ??= load().then(
      (Is) => {
        part.value = { Is };
      },
      () => {
        asked = undefined;
        failed.value = true;
      },
    );
    return asked;
  };
  const Late = (props: P) => {
    useEffect(() => void fetch(), []);
    if (part.value) return <part.value.Is {...props} />;
    if (meanwhile) return meanwhile(props, failed.value);
    return failed.value ? <Missing what="This part of the page" /> : <div class="late" aria-busy="true" />;
  };
  return Object.assign(Late, { fetch });
}
