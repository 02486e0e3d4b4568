/** One column (phones) or several. */
import { signal } from "@preact/signals";

const query = matchMedia("(max-width: 860px)");
export const narrow = signal(query.matches);
query.addEventListener("change", (event) => {
  narrow.value = event.matches;
});
