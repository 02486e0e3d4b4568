/** One entry, one style sheet, hashed names under assets/, and the manifest the server's page shell reads. */
import { defineConfig } from "vite";
import { leanDagre } from "./vite.dagre.ts";

export default defineConfig({
  base: "/static/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [leanDagre],
  build: {
    manifest: true,
    emptyOutDir: true,
    target: ["chrome125", "firefox128", "safari18"],
    modulePreload: { polyfill: false },
    rolldownOptions: { input: "src/main.tsx" },
  },
});
