// @vitest-environment jsdom
import { render } from "preact";
import { useState } from "preact/hooks";
import { act } from "preact/test-utils";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Breakpoints } from "../src/rooms/Breakpoints";
import { Close, Dialog, useTyped } from "../src/ui/Dialog";

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};

function Form() {
  const [text, setText] = useState("");
  useTyped(text !== "");
  return <><input value={text} onInput={(event) => setText(event.currentTarget.value)} /><Close>cancel</Close></>;
}

let onClose = vi.fn();
const get = <E extends HTMLElement>(selector: string): E => document.querySelector<E>(selector) as E;
const question = (): HTMLElement | null => document.querySelector(".ask");
const button = (name: string): HTMLElement => [...document.querySelectorAll("button")].find((one) => one.textContent === name) as HTMLElement;
const doing = (what: () => void): void => void act(what);
const press = (key: string, more: KeyboardEventInit = {}, at: Element = get("input")): boolean => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  doing(() => at.dispatchEvent(event));
  return event.defaultPrevented;
};
const type = (text: string): void => doing(() => {
  get("input").focus();
  get<HTMLInputElement>("input").value = text;
  get("input").dispatchEvent(new Event("input", { bubbles: true }));
});
const cancel = (): boolean => {
  const event = new Event("cancel", { cancelable: true });
  doing(() => get("dialog").dispatchEvent(event));
  return event.defaultPrevented;
};

const WAYS: readonly [string, () => unknown][] = [
  ["Escape", () => press("Escape")],
  ["Escape where nothing has the focus", cancel],
  ["a click beside it", () => doing(() => get("dialog").click())],
  ["its button", () => doing(() => button("cancel").click())],
  ["the palette", () => press("k", { ctrlKey: true })],
];

beforeEach(() => {
  onClose = vi.fn();
  document.body.innerHTML = "<div></div>";
  doing(() => render(<Dialog label="Test" kind="broad" onClose={onClose}><Form /></Dialog>, get("div")));
});

describe("a dialog in which something was typed", () => {
  beforeEach(() => type("words"));

  it.each(WAYS)("asks before %s closes it, and closes when it may", (_, leave) => {
    leave();
    expect(onClose).not.toHaveBeenCalled();
    expect(document.activeElement).toBe(button("keep it"));
    doing(() => button("discard it").click());
    expect(onClose).toHaveBeenCalledOnce();
  });

  it("keeps what was typed, and gives the focus back", () => {
    expect(press("Escape")).toBe(true);
    doing(() => button("keep it").click());
    expect([question(), document.activeElement, get<HTMLInputElement>("input").value]).toEqual([null, get("input"), "words"]);
    press("Escape");
    expect(question()).not.toBeNull();
    press("Escape", {}, button("keep it"));
    expect([question(), document.activeElement]).toEqual([null, get("input")]);
    expect(onClose).not.toHaveBeenCalled();
  });

  it("takes the question back when one goes on in it", () => {
    cancel();
    doing(() => get("input").focus());
    expect(question()).toBeNull();
  });

  it("is open again when the browser has closed it unasked", () => {
    doing(() => {
      get<HTMLDialogElement>("dialog").open = false;
      get("dialog").dispatchEvent(new Event("close"));
    });
    expect([get<HTMLDialogElement>("dialog").open, question() !== null]).toEqual([true, true]);
  });

  it("leaves Escape to who composes a character", () => {
    expect(press("Escape", { isComposing: true })).toBe(false);
    expect(question()).toBeNull();
  });
});

describe("a dialog in which nothing is typed", () => {
  it.each(WAYS.slice(1, 4))("is closed by %s at once", (_, leave) => {
    type("words");
    type("");
    leave();
    expect([onClose.mock.calls.length, question()]).toEqual([1, null]);
  });

  it("leaves Escape and the palette to browser and page", () => {
    expect([press("Escape"), press("k", { ctrlKey: true })]).toEqual([false, false]);
    expect(onClose).not.toHaveBeenCalled();
  });
});

it("does not ask about a breakpoint that is on its way", () => {
  vi.stubGlobal("fetch", () => new Promise(() => undefined));
  doing(() => render(<Breakpoints onClose={onClose} />, get("div")));
  doing(() => {
    const when = get<HTMLInputElement>(".stretch input");
    when.value = "frame > 0";
    when.dispatchEvent(new Event("input", { bubbles: true }));
  });
  press("Escape", {}, get("dialog"));
  expect(question()).not.toBeNull();
  doing(() => button("keep it").click());
  doing(() => get<HTMLFormElement>("form").requestSubmit());
  expect(press("Escape", {}, get("dialog"))).toBe(false);
  expect(question()).toBeNull();
  vi.unstubAllGlobals();
});
