/** Vitest is a development package, so the build's own configuration must not import it. */
import { defineConfig } from "vitest/config";
import { lean } from "./vite.lean.ts";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [lean],
  test: { include: ["tests/**/*.test.{ts,tsx}"], environment: "node", server: { deps: { inline: [/@dagrejs/, /marked/] } } },
});
