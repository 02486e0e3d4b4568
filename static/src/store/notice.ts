/** One line at the edge of the page: what did not work stays, what is only new goes by itself. */
import { signal } from "@preact/signals";

export const notice = signal("");
export const news = signal("");

export async function attempt(what: Promise<unknown>): Promise<void> {
  try {
    await what;
    notice.value = "";
  } catch (error) {
    notice.value = error instanceof Error ? error.message : String(error);
  }
}
