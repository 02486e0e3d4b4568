import { describe, expect, it } from "vitest";

/** A folder may import from the folders named, and from itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  wire: ["lib"],
  ui: ["lib"],
  store: ["lib", "wire"],
  rooms: ["lib", "wire", "ui", "store"],
};

const sources = import.meta.glob<string>("../src/*/*.{ts,tsx,css}", { query: "?raw", import: "default", eager: true });
const files = Object.entries(sources).map(([path, text]) => {
  const [, , layer = "", name = ""] = path.split("/");
  return { layer, name, text };
});
const code = files.filter(({ layer }) => layer !== "styles");
const COLOUR = /#[0-9a-f]{3,8}\b["';)]|rgb\(|hsl\(/i;

describe("the page's layers", () => {
  it("are all there", () => {
    expect(new Set(code.map(({ layer }) => layer))).toEqual(new Set(Object.keys(ALLOWED)));
  });

  it.each(code)("$layer/$name imports downward only", ({ layer, text }) => {
    for (const [, target = ""] of text.matchAll(/from "\.\.\/([a-z]+)\//g)) expect([layer, ...(ALLOWED[layer] ?? [])]).toContain(target);
  });

  it.each(code.filter(({ name }) => !name.endsWith(".gen.ts")))("$layer/$name stays readable", ({ text }) => {
    expect(text.split("\n").length).toBeLessThan(300);
  });

  it.each(files.filter(({ name }) => /\.(tsx|css)$/.test(name) && name !== "theme.css"))("$layer/$name names no colour", ({ text }) => {
    expect(text).not.toMatch(COLOUR);
  });
});
