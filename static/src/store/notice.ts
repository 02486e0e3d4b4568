/** One line at the edge of the page about something that did not work. */
import { signal } from "@preact/signals";

export const notice = signal("");

export async function attempt(what: Promise<unknown>): Promise<void> {
  try {
    await what;
    notice.value = "";
  } catch (error) {
    notice.value = error instanceof Error ? error.message : String(error);
  }
}
