/** Versions of live data. Each rises at most once per animation frame, however much arrives. */
import { signal, type ReadonlySignal } from "@preact/signals";

export interface Pulse {
  readonly version: ReadonlySignal<number>;
  readonly bump: () => void;
}

export function pulse(): Pulse {
  const version = signal(0);
  let planned = false;
  const beat = (): void => {
    planned = false;
    version.value += 1;
  };
  const bump = (): void => {
    if (planned) return;
    planned = true;
    // A hidden page gets no animation frames, but its title and badges should stay true.
    if (document.hidden) window.setTimeout(beat, 500);
    else requestAnimationFrame(beat);
  };
  return { version, bump };
}
