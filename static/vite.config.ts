/**
 * What the first paint needs is one file and one style sheet; the parts that come later (rooms/parts.tsx) are files
 * of their own. Hashed names under assets/, and the manifest the server's page shell reads.
 */
import { defineConfig } from "vite";
import { lean } from "./vite.lean.ts";

export default defineConfig({
  base: "/static/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [lean],
  build: {
    manifest: true,
    emptyOutDir: true,
    target: ["chrome125", "firefox128", "safari18"],
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: "src/main.tsx",
      output: { codeSplitting: { groups: [{ name: "first", tags: ["$initial"] }] } },
    },
  },
});
