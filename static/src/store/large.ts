/** A run with too many visits to be read at once: its skeleton first, the contents of a frame when it is looked at. */
import { get } from "../wire/http";
import type { Summary } from "../wire/lines";
import type { Effect, FrameRecord } from "../wire/types.gen";
import { detailed, type RunView, viewOfSummary } from "./visits";

/** All visits of a large trace, and little of what they held. */
export interface Skeleton extends Summary {
  readonly skeleton: true;
  readonly response: string;
  readonly error: string;
  readonly imported_from: string;
}

/** One frame of a run, whole. */
export interface FrameParts {
  readonly frames: readonly FrameRecord[];
  readonly post_frames: readonly FrameRecord[];
  readonly effects: readonly Effect[];
}

const FRAMES_KEPT = 100;

export class Large {
  view: RunView;
  private readonly read = new Map<number, FrameParts>();
  private readonly asked = new Set<number>();

  constructor(readonly skeleton: Skeleton) {
    this.view = viewOfSummary(skeleton);
  }

  /** Read a frame's contents unless they are there; true when the view is another one now. */
  async look(frame: number): Promise<boolean> {
    if (this.read.has(frame) || this.asked.has(frame)) return false;
    this.asked.add(frame);
    try {
      this.read.set(frame, await get<FrameParts>(`/api/traces/${encodeURIComponent(this.skeleton.run_id)}/frames/${frame}`));
    } finally {
      this.asked.delete(frame);
    }
    if (this.read.size > FRAMES_KEPT) this.read.delete(this.read.keys().next().value as number);
    this.view = detailed(viewOfSummary(this.skeleton), this.read);
    return true;
  }
}
