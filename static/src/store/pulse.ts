/** Versions of live data. Each rises at most once per animation frame, however much arrives. */
import { signal, type ReadonlySignal } from "@preact/signals";

export interface Pulse {
  readonly version: ReadonlySignal<number>;
  readonly bump: () => void;
}

const FRAME_MS = 16;

export function pulse(): Pulse {
  const version = signal(0);
  let planned = false;
  let last = -FRAME_MS;
  const beat = (): void => {
    planned = false;
    last = performance.now();
    version.value += 1;
  };
  const bump = (): void => {
    if (planned) return;
    planned = true;
    // A hidden page gets no animation frames, but its title and badges should stay true.
    if (document.hidden) window.setTimeout(beat, 500);
    // After a quiet frame the batch at hand is all there is: waiting would only make it later.
    else if (performance.now() - last >= FRAME_MS) queueMicrotask(beat);
    else requestAnimationFrame(beat);
  };
  return { version, bump };
}
