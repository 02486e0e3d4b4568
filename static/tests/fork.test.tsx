// @vitest-environment jsdom
import "./browser";
import { render } from "preact";
import { act } from "preact/test-utils";
import { beforeEach, expect, it, vi } from "vitest";
import type { RunView, Visit } from "../src/store/visits";

interface Asked {
  readonly body: { readonly frame: number; readonly edits: readonly unknown[]; readonly dry_run: boolean };
  readonly answer: (dirty: number) => Promise<void>;
}

const asked: Asked[] = [];
const json = (value: unknown): Response => new Response(JSON.stringify(value), { headers: { "content-type": "application/json" } });
const dirty = (frame: number): object => ({ frame, node: "a", why: "changed" });

vi.stubGlobal("fetch", (url: string, options?: RequestInit) => {
  if (url.endsWith("/prompts")) return Promise.resolve(json({ prompts: { pa: "old" } }));
  return new Promise<Response>((resolve) => {
    const answer = (count: number): Promise<void> => act(async () => {
      resolve(json({ run_id: null, status: "done", dirty: Array.from({ length: count }, (_, at) => dirty(at + 1)), reused: 0, model_calls: 0, cost: 0, writes: [] }));
      await settled();
    });
    asked.push({ body: JSON.parse(String(options?.body)) as Asked["body"], answer });
  });
});
const { ForkDialog } = await import("../src/rooms/ForkDialog");

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};

const visit = (frame: number, node: string): Visit => ({
  frame, node, visit: 1, post: false, started: 0, duration: 1, input: "", output: "", route: "", condition: "", error: "", record: { input: { text: "hi" } },
}) as unknown as Visit;
const run = { run_id: "r-1-x", visits: [visit(1, "input"), visit(2, "a")] } as unknown as RunView;

/** An answer is read in several turns of the loop. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise((done) => setTimeout(done));
};
const get = <E extends HTMLElement>(selector: string): E => document.querySelector<E>(selector) as E;
const select = (label: string): HTMLSelectElement =>
  [...document.querySelectorAll("label")].find((one) => one.textContent?.startsWith(label))?.querySelector("select") as HTMLSelectElement;
const click = (name: string): void => void act(() => [...document.querySelectorAll("button")].find((one) => one.textContent === name)?.click());
const put = (field: HTMLSelectElement | HTMLTextAreaElement, value: string, event: string): Promise<void> => act(async () => {
  field.value = value;
  field.dispatchEvent(new Event(event, { bubbles: true }));
  await settled();
});
const price = (): string => document.querySelector(".price")?.textContent ?? "";

beforeEach(async () => {
  asked.length = 0;
  document.body.innerHTML = "<div></div>";
  act(() => render(<ForkDialog run={run} onClose={() => undefined} />, document.body.firstElementChild as Element));
  await vi.waitFor(async () => {
    await act(settled);
    expect(asked).toHaveLength(1);
  });
});

it("shows the price of what is asked now, not of what was asked before", async () => {
  await put(select("from frame"), "2", "change");
  expect(asked.map((one) => one.body.frame)).toEqual([1, 2]);
  await asked[0]?.answer(2);
  expect([price(), get("button.main").textContent]).toEqual(["", "estimating …"]);
  await asked[1]?.answer(1);
  expect(price()).toContain("1 of 1 visit dirty");
  expect(get("button.main").textContent).toBe("run the fork");
});

it("keeps what was typed for another frame, and makes it when the fork begins there again", async () => {
  await asked[0]?.answer(0);
  click("change something");
  await put(select("change"), "envelope", "change");
  await put(get("textarea"), '{"text": "bye"}', "input");
  await put(select("from frame"), "2", "change");
  expect(document.querySelector("textarea")).toBeNull();
  expect(get("form").textContent).toContain("1 change is kept but not made");
  expect(asked.at(-1)?.body).toMatchObject({ frame: 2, edits: [] });
  await put(select("from frame"), "1", "change");
  expect(get<HTMLTextAreaElement>("textarea").value).toBe('{"text": "bye"}');
  click("estimate");
  expect(asked.at(-1)?.body).toMatchObject({ frame: 1, edits: [{ target: "envelope", node: "input", path: "/text", value: "bye" }] });
});

it("keeps a change of a prompt in a fork from any frame", async () => {
  click("change something");
  await put(get("textarea"), "new", "input");
  await put(select("from frame"), "2", "change");
  expect(get<HTMLTextAreaElement>("textarea").value).toBe("new");
  expect(get("form").textContent).not.toContain("kept but not made");
});
