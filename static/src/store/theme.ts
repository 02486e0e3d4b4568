/** Light, dark, or as the system says. `theme.js` applies the stored choice before the first paint. */
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEY = "framescope.theme";

const stored = localStorage.getItem(KEY);
export const theme = signal<Theme>(stored === "light" || stored === "dark" ? stored : "system");

const darkSystem = matchMedia("(prefers-color-scheme: dark)");

export function setTheme(next: Theme): void {
  theme.value = next;
  if (next === "system") {
    localStorage.removeItem(KEY);
    delete document.documentElement.dataset["theme"];
  } else {
    localStorage.setItem(KEY, next);
    document.documentElement.dataset["theme"] = next;
  }
}

/** To the other one of what is seen now; back to the system's choice when that is the same. */
export function toggleTheme(): void {
  const dark = theme.value === "dark" || (theme.value === "system" && darkSystem.matches);
  const next = dark ? "light" : "dark";
  setTheme((next === "dark") === darkSystem.matches ? "system" : next);
}
