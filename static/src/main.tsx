/** Starts the page: draws it, then connects. */
import { effect } from "@preact/signals";
import { render } from "preact";
import "./styles/theme.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/chat.css";
import "./styles/run.css";
import "./styles/lists.css";
import { App } from "./rooms/App";
import { listen } from "./rooms/keys";
import { Markdown } from "./rooms/parts";
import { title } from "./store/debug";
import { newest } from "./store/runs";
import { start } from "./store/session";

const root = document.getElementById("app");
if (!root) throw new Error("expected an element #app in the page shell");
root.replaceChildren();
render(<App />, root);
listen();
effect(() => {
  document.title = title.value;
});
effect(() => {
  // An answer is there or comes soon: it should not change its looks while it is read.
  if (newest.value) void Markdown.fetch();
});
void start();
