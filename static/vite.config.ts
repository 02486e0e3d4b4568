/** One entry, one style sheet, hashed names under assets/, and the manifest the server's page shell reads. */
import { defineConfig, type Plugin } from "vite";

/**
 * Dagre comes bundled, and its bundler fills namespace objects by calls that no tool can see are pure.
 * Marked as such, the algorithms nobody calls leave the page (3% of it).
 */
const pureNamespaces: Plugin = {
  name: "pure-namespaces",
  transform: (code, id) =>
    id.includes("@dagrejs") ? code.replace(/;(\w+\(\w+,\{\w+:\(\)=>)/g, ";/* @__PURE__ */$1") : null,
};

export default defineConfig({
  base: "/static/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [pureNamespaces],
  build: {
    manifest: true,
    emptyOutDir: true,
    target: ["chrome125", "firefox128", "safari18"],
    modulePreload: { polyfill: false },
    rolldownOptions: { input: "src/main.tsx" },
  },
});
