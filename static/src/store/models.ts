/** The model that answers, and those on this machine that could. None is used unasked. */
import { signal } from "@preact/signals";
import { get } from "../wire/http";
import type { Models } from "../wire/lines";

export const models = signal<Models | null>(null);

export async function load(): Promise<void> {
  models.value = await get<Models>("/api/models");
}
