// @vitest-environment jsdom
import "./browser";
import { beforeEach, describe, expect, it } from "vitest";
import { arrange, clickData, local, percentOf } from "../src/lib/controls";
import { clicked, controls, finish, hear } from "../src/store/chat";

const machine = (id: string, state: string, text = state) => [
  { type: "label", label: id, text, machine_id: id, state },
  { type: "button", label: "Go", action: "go", go: "next", machine_id: id },
];
const more = { type: "button", label: "+", action: "inc", payload: { op: "inc", var: "n" } };
const ask = { type: "button", label: "Buy", action: "buy" };

describe("controls", () => {
  it("stand by themselves or in their machine", () => {
    const { loose, machines } = arrange([more, ...machine("light", "red"), ...machine("nav", "home", "Welcome home"), ask]);
    expect(loose).toEqual([more, ask]);
    expect(machines.map(({ id, state, says, buttons }) => [id, state, says, buttons.length])).toEqual([["light", "red", "", 1], ["nav", "home", "Welcome home", 1]]);
  });

  it("are found by the server through their machine or their payload", () => {
    expect(clickData(machine("light", "red")[1] as object as Record<string, unknown>)).toEqual({ machine_id: "light", go: "next", payload: undefined });
    expect(clickData(more)).toEqual({ op: "inc", var: "n" });
    expect(clickData(ask)).toBeNull();
  });

  it("tell which clicks need no model", () => {
    expect([more, ask, { action: "x", go: "y" }].map(local)).toEqual([true, false, true]);
  });

  it.each([["40", 40], ["40%", 40], ["2/5", 40], ["2 of 5", 40], [7.5, 7.5], ["200", 100], ["1/0", null], ["soon", null], [null, null]])("read %j as progress %j", (value, share) => {
    expect(percentOf(value)).toBe(share);
  });
});

describe("a click", () => {
  beforeEach(() => {
    hear({ type: "snapshot", seq: 0, history: [], controls: [more, ask], run: null, pending: [] });
    clicked.value = controls.value[1];
  });

  it("waits until the controls change", () => {
    hear({ type: "controls", controls: [more] });
    expect(clicked.value).toBeNull();
  });

  it("waits no longer than its run", () => {
    hear({ type: "delta", content: "…", run_id: "r1" });
    expect(clicked.value).not.toBeNull();
    finish("r1");
    expect(clicked.value).toBeNull();
  });
});
