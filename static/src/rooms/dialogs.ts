/** Which dialog is open. */
import { signal } from "@preact/signals";

export const dialog = signal<"" | "palette" | "keys" | "model" | "breakpoints" | "edit" | "test" | "fork" | "diff" | "resume">("");
