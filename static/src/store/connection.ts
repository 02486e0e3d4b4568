/** Whether what is on the page is live, and if not, why and what happens next. */
import { computed, signal } from "@preact/signals";
import type { Phase } from "../wire/socket";

const first: Phase = { is: "connecting" };
export const chatPhase = signal<Phase>(first);
export const tracePhase = signal<Phase>(first);
export const testPhase = signal<Phase>(first);

/** No cookie, or one that is not valid any more. */
export const denied = signal(false);
/** Set while polling: whether the last poll was answered. */
export const polled = signal<boolean | null>(null);

export interface Connection {
  readonly state: "live" | "connecting" | "waiting" | "polling" | "offline" | "denied";
  readonly label: string;
  readonly detail: string;
}

const phases = computed(() => [chatPhase.value, tracePhase.value, testPhase.value]);
export const blocked = computed(() => phases.value.some((phase) => phase.is === "blocked"));

export const connection = computed((): Connection => {
  if (denied.value || phases.value.some((phase) => phase.is === "denied")) {
    return { state: "denied", label: "no access", detail: "Open the link printed at start, or run: python3 run.py open" };
  }
  if (phases.value.every((phase) => phase.is === "open")) {
    return { state: "live", label: "live", detail: "Chat, trace and test sockets are open." };
  }
  if (blocked.value && polled.value === true) {
    return { state: "polling", label: "polling", detail: "Sockets are blocked: the page polls every 500 ms and keeps trying." };
  }
  if (blocked.value && polled.value === false) {
    return { state: "offline", label: "offline", detail: "The server does not answer. Start it again: python3 run.py" };
  }
  if (phases.value.every((phase) => phase.is === "connecting" || phase.is === "open")) {
    return { state: "connecting", label: "connecting", detail: "Opening sockets." };
  }
  return { state: "waiting", label: "reconnecting", detail: "The connection was lost; trying again, nothing is missed." };
});
