// @vitest-environment jsdom
import "./browser";
import { describe, expect, it } from "vitest";
import { boxOf, draw } from "../src/lib/layout";
import { readNet } from "../src/store/graph";

const net = readNet({
  name: "g", revision: "1", nodes: { input: "input_v1", director: "d", output: "o", ui: "ui" },
  edges: [{ from: "input", to: ["director"] }, { from: "input", to: ["output"], condition: "reflex" }, { from: "director", to: ["output", "ui"], type: "data" }, { from: "ghost", to: ["ui"] }],
});

/** An assistant with experts side by side, one of them with a long name. */
const experts = readNet({
  name: "e", revision: "1", nodes: { input: "", pa: "", expert_eras: "", expert_general_purpose: "", interpreter: "", output: "", ui: "" },
  edges: [
    { from: "input", to: ["output"] }, { from: "input", to: ["pa"] }, { from: "pa", to: ["expert_eras"] }, { from: "pa", to: ["expert_general_purpose"] },
    ...["pa", "expert_eras", "expert_general_purpose", "interpreter"].map((from) => ({ from, to: ["output", "ui"] })),
    { from: "expert_eras", to: ["interpreter"] }, { from: "expert_general_purpose", to: ["interpreter"] },
  ],
});

function overlaps(of: typeof net, direction: "LR" | "TB"): string[] {
  const { width, height } = boxOf(of);
  const { boxes } = draw(of, direction);
  return boxes.flatMap((a) => boxes.flatMap((b) => (a.id < b.id && Math.abs(a.x - b.x) < width && Math.abs(a.y - b.y) < height ? `${a.id}/${b.id}` : [])));
}

describe("a graph", () => {
  it("is read with several targets and without ghosts", () => {
    expect(net.links.map((link) => `${link.from}>${link.to}`)).toEqual(["input>director", "input>output", "director>output", "director>ui"]);
  });

  it("is drawn without overlaps, the same every time", () => {
    const drawing = draw(net, "LR");
    expect(draw(net, "LR")).toEqual(drawing);
    expect(overlaps(net, "LR")).toEqual([]);
    expect(drawing.lines.every((line) => line.path.startsWith("M") && !line.path.includes("NaN"))).toBe(true);
  });

  it("with experts puts them side by side, before what reads them", () => {
    for (const direction of ["LR", "TB"] as const) {
      expect(overlaps(experts, direction)).toEqual([]);
      const { boxes, lines } = draw(experts, direction);
      const rank = (id: string): number => {
        const box = boxes.find((one) => one.id === id);
        return Math.round((direction === "LR" ? box?.x : box?.y) ?? Number.NaN);
      };
      expect(rank("expert_eras")).toBe(rank("expert_general_purpose"));
      for (const [before, after] of [["input", "pa"], ["pa", "expert_eras"], ["expert_eras", "interpreter"], ["interpreter", "output"]] as const) {
        expect(rank(before)).toBeLessThan(rank(after));
      }
      expect(lines).toHaveLength(experts.links.length);
    }
  });

  it("has boxes that hold its longest name, up to a bound", () => {
    expect(boxOf(net).width).toBeLessThan(boxOf(experts).width);
    expect(boxOf(net).letters).toBeGreaterThanOrEqual("director".length);
    expect(boxOf(readNet({ nodes: { ["x".repeat(80)]: "" }, edges: [] })).width).toBe(150);
  });
});
