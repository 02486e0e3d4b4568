// @vitest-environment jsdom
import "./browser";
import { describe, expect, it } from "vitest";
import { BOX, draw } from "../src/lib/layout";
import { readNet } from "../src/store/graph";

const net = readNet({
  name: "g", revision: "1", nodes: { input: "input_v1", director: "d", output: "o", ui: "ui" },
  edges: [{ from: "input", to: ["director"] }, { from: "input", to: ["output"], condition: "reflex" }, { from: "director", to: ["output", "ui"], type: "data" }, { from: "ghost", to: ["ui"] }],
});

describe("a graph", () => {
  it("is read with several targets and without ghosts", () => {
    expect(net.links.map((link) => `${link.from}>${link.to}`)).toEqual(["input>director", "input>output", "director>output", "director>ui"]);
  });

  it("is drawn without overlaps, the same every time", () => {
    const drawing = draw(net, "LR");
    expect(draw(net, "LR")).toEqual(drawing);
    for (const a of drawing.boxes) for (const b of drawing.boxes) {
      if (a.id < b.id) expect(Math.abs(a.x - b.x) >= BOX.width || Math.abs(a.y - b.y) >= BOX.height).toBe(true);
    }
    expect(drawing.lines.every((line) => line.path.startsWith("M") && !line.path.includes("NaN"))).toBe(true);
  });
});
