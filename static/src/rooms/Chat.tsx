/** The conversation, what waits behind it, and where the next message is written. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { count, ms, plural } from "../lib/format";
import { answered, controls, cut, said, pending, ready, type Message } from "../store/chat";
import { models } from "../store/models";
import { attempt } from "../store/notice";
import { go } from "../store/place";
import { narrow } from "../store/screen";
import { doing, known, shownId, working } from "../store/runs";
import { cancel, info, readEarlier, say } from "../store/session";
import { Icon } from "../ui/Icon";
import { dialog } from "./dialogs";
import { Model } from "./Header";
import { Controls, Markdown } from "./parts";

/** What a newcomer may try, in the browser's language where the built-in model speaks it. */
export const EXAMPLES = navigator.language.startsWith("de")
  ? ["sag hallo", "mach einen Zähler", "wie viele Kunden gibt es in Leipzig?"]
  : ["say hello", "make a counter", "how many customers are in Leipzig?"];

function Facts({ run_id }: { readonly run_id: string }) {
  const run = known(run_id);
  if (!run) return null;
  const parts = [run.status === "done" ? "" : run.status, run.path, run.total_frames === null ? "" : plural(run.total_frames, "frame"), run.total_ms === null ? "" : ms(run.total_ms)];
  return (
    <button type="button" class={`facts ${shownId.value === run_id ? "current" : ""}`} onClick={() => go({ run: run_id, frame: 0, node: "", visit: 1, room: "frames" }, true)}>
      {parts.filter(Boolean).join(" · ") || run.status}
    </button>
  );
}

const CUT = new Set(["error", "cancelled", "interrupted"]);

/** A question whose run ended without a word still says how it ended. */
function Unanswered({ run_id }: { readonly run_id: string }) {
  return run_id && !answered.value.has(run_id) && CUT.has(known(run_id)?.status ?? "") ? <Facts run_id={run_id} /> : null;
}

function Bubble({ message }: { readonly message: Message }) {
  const waits = pending.value.find((run) => run.run_id === message.run_id);
  if (message.role === "error") {
    return <div class="said said-error" role="alert"><p>{message.text}</p><Facts run_id={message.run_id} /></div>;
  }
  return (
    <article class={`said said-${message.role}`} aria-label={message.role === "user" ? "You" : "Answer"}>
      {message.role === "user" ? <p class="plain">{message.text}</p> : <Markdown text={message.text} done={message.done} />}
      {waits && message.role === "user" ? <Waits run_id={message.run_id} position={waits.position} /> : null}
      {message.role === "user" ? <Unanswered run_id={message.run_id} /> : message.done && message.run_id ? <Facts run_id={message.run_id} /> : null}
    </article>
  );
}

function Waits({ run_id, position }: { readonly run_id: string; readonly position: number }) {
  return (
    <p class="waits">
      <span>{position <= 1 ? "queued, next" : `queued, number ${count(position)}`}</span>
      <button type="button" class="link" onClick={() => void attempt(cancel(run_id))}>cancel</button>
    </p>
  );
}

/** Queued runs whose message is not in the conversation, such as those of other doors. */
function Elsewhere() {
  const shown = new Set(said.value.filter((m) => m.role === "user").map((m) => m.run_id));
  return (
    <>
      {pending.value.filter((run) => !shown.has(run.run_id)).map((run) => (
        <article key={run.run_id} class="said said-user said-waiting" aria-label="Queued">
          <p class="plain">{run.text || run.run_id}</p>
          <Waits run_id={run.run_id} position={run.position} />
        </article>
      ))}
    </>
  );
}

function Doing() {
  const run = working.value;
  return (
    <div class="doing" aria-live="polite">
      {run ? (
        <>
          <span class="pulse" aria-hidden="true" />
          <span class="doing-text">{doing.value}</span>
          <button type="button" class="quiet" onClick={() => void attempt(cancel(run.run_id))}><Icon name="stop" />cancel</button>
        </>
      ) : null}
    </div>
  );
}

function First() {
  const model = info.value?.model;
  const offers = models.value?.offers ?? [];
  return (
    <div class="first">
      <h2>Every message becomes frames you can see and replay.</h2>
      <p class="faint">Try one of these, then click a node or a bar.</p>
      {model?.builtin ? <p class="faint">Answers come from the {model.label}. For a real one: {info.value?.connect_hint}.</p> : null}
      {offers.length ? <p>On this machine: {offers.map((offer) => offer.name).join(", ")}. <button type="button" class="link" onClick={() => { dialog.value = "model"; }}>how to use it</button></p> : null}
    </div>
  );
}

function Composer() {
  const [text, setText] = useState("");
  const submit = (): void => {
    const trimmed = text.trim();
    if (!trimmed) return;
    setText("");
    void attempt(say(trimmed).catch((error: unknown) => {
      setText((since) => (since ? `${text}\n${since}` : text)); // it was not sent: it is not lost
      throw error;
    }));
  };
  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <textarea
        id="composer" rows={2} value={text} aria-label="Message" placeholder="Message — Enter sends, Shift+Enter breaks the line"
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          submit();
        }}
      />
      <button type="submit" class="primary" disabled={!text.trim()} aria-label="Send"><Icon name="send" /></button>
    </form>
  );
}

function Messages() {
  const box = useRef<HTMLDivElement>(null);
  const stuck = useRef(true);
  const placed = useRef(0);
  const all = said.value;
  const mine = all.filter((message) => message.role === "user").length;
  useLayoutEffect(() => {
    stuck.current = true; // what one says oneself is what one wants to see
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [mine]);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const watch = new ResizeObserver(() => {
      if (stuck.current) element.scrollTop = element.scrollHeight;
    });
    watch.observe(element);
    if (element.firstElementChild) watch.observe(element.firstElementChild);
    return () => watch.disconnect();
  }, []);
  /** What is being read stays where it is when more comes above it. */
  const back = async (): Promise<void> => {
    const element = box.current;
    const below = element ? element.scrollHeight - element.scrollTop : 0;
    stuck.current = false;
    await readEarlier();
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (element) element.scrollTop = element.scrollHeight - below;
    }));
  };
  return (
    <div
      class="messages" ref={box} role="log" aria-label="Conversation" tabIndex={0}
      onScroll={(event) => {
        const element = event.currentTarget;
        const atEnd = element.scrollTop + element.clientHeight > element.scrollHeight - 40;
        // Only going up lets go: what grows meanwhile, below or beside it, is no wish of the reader's.
        if (atEnd) stuck.current = true;
        else if (element.scrollTop < placed.current - 2) stuck.current = false;
        placed.current = element.scrollTop;
      }}
    >
      <div class="messages-inner">
        {all.length === 0 && ready.value ? <First /> : null}
        {cut.value ? <button type="button" class="link" onClick={() => void attempt(back())}>earlier messages</button> : null}
        {all.map((message) => <Bubble key={message.key} message={message} />)}
        <Elsewhere />
      </div>
    </div>
  );
}

export function Chat() {
  return (
    <section class="room room-chat" aria-label="Chat">
      <Messages />
      <Doing />
      {controls.value.length ? <Controls /> : null}
      <div class="chips" role="group" aria-label="Examples">
        {EXAMPLES.map((example) => (
          <button type="button" class="chip" key={example} onClick={() => void attempt(say(example))}>{example}</button>
        ))}
      </div>
      <Composer />
      {narrow.value ? <p class="model-line"><Model /></p> : null}
    </section>
  );
}
