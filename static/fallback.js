/* The plain page: chat on /ws, events and frames on /ws/trace, tests on /ws/test. All output is text. */
"use strict";

const at = (id) => document.getElementById(id);
const phases = { chat: "connecting", trace: "connecting", test: "connecting" };

function tell(name, phase) {
  phases[name] = phase;
  const different = [...new Set(Object.values(phases))];
  at("connection").textContent = different.includes("denied")
    ? "no access: open the link printed at start, or run: python3 run.py open"
    : different.length === 1 ? different[0] : Object.entries(phases).map(([n, p]) => `${n}: ${p}`).join(", ");
}

/** Keep a socket open; `since` asks for what was missed. */
function keep(name, path, onMessage) {
  let tries = 0;
  const link = { socket: null };
  const open = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${path()}`);
    link.socket = socket;
    socket.onopen = () => { tries = 0; tell(name, "live"); };
    socket.onmessage = (event) => onMessage(JSON.parse(event.data));
    socket.onclose = (event) => {
      if (event.code === 4001 || event.code === 4401) return tell(name, "denied");
      tell(name, "reconnecting");
      setTimeout(open, Math.min(4000, 200 * 2 ** tries++));
    };
  };
  open();
  return link;
}

function add(box, element, limit) {
  const atEnd = box.scrollTop + box.clientHeight > box.scrollHeight - 30;
  box.append(element);
  while (box.childElementCount > limit) box.firstElementChild.remove();
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function line(tag, text, kind) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

const answers = new Map();
let running = "";
let traceSeq = null;

function say(role, text) {
  const element = line("p", text, role);
  add(at("messages"), element, 500);
  return element;
}

function showControls(controls) {
  at("controls").replaceChildren(...(controls || []).map((control) => {
    if ((control.type || "button") !== "button") return line("span", control.label || JSON.stringify(control));
    const button = line("button", control.label || control.action);
    button.type = "button";
    button.onclick = () => chat.socket.send(JSON.stringify({ type: "action", action: control.action, data: control }));
    return button;
  }));
}

function hear(message) {
  const run = message.run_id;
  switch (message.type) {
    case "snapshot":
      at("messages").replaceChildren();
      for (const turn of message.history) say(turn.role, turn.content);
      showControls(message.controls);
      break;
    case "message":
      if (message.role === "user") say("user", message.text);
      break;
    case "delta":
      running = run;
      if (!answers.has(run)) answers.set(run, say("assistant", ""));
      answers.get(run).textContent += message.content;
      break;
    case "done":
      running = "";
      answers.delete(run);
      break;
    case "queued":
      say("assistant", `queued, number ${message.position}`);
      break;
    case "cleared":
      at("messages").replaceChildren();
      showControls([]);
      break;
    case "controls":
      showControls(message.controls);
      break;
    case "error":
      say("error", message.detail);
      break;
  }
}

const ms = (value) => (typeof value === "number" ? `${value.toFixed(1)} ms` : "—");

function showTrace(trace) {
  const rows = trace.frames.map((f) => `${String(f.frame).padStart(3)}  ${f.node}  ${ms(f.duration_ms)}  ${f.route ? `-> ${f.route}` : ""} ${f.condition} ${f.error}`);
  const post = (trace.post_frames || []).map((f) => `post  ${f.node}  ${ms(f.duration_ms)} ${f.error}`);
  const head = `${trace.message}\n${trace.path}, ${trace.total_frames} frames, ${ms(trace.total_ms)}, ${trace.outcome}`;
  add(at("frames"), line("p", [head, ...rows, ...post].join("\n")), 50);
}

function event(one) {
  if (one.seq) traceSeq = one.seq;
  const { seq, event: name, node, ...rest } = one;
  add(at("events"), line("div", `${seq} ${node} ${name} ${JSON.stringify(rest).slice(0, 240)}`), 400);
  if (name === "frame_trace") showTrace(one.trace);
  if (name === "run" && one.status === "running") running = one.run_id;
}

function showTests(record) {
  const results = record.results || [];
  if (!record.running && results.length === 0) return;
  const failed = results.filter((r) => r.status !== "PASS").length;
  at("tests-line").textContent = `${record.running ? `running: ${record.current}` : "finished"} - ${results.length} of ${record.total_expected || "—"} checks, ${failed} failed`;
  at("tests").replaceChildren(...results.map((r) => line("li", `${r.status} ${r.step}: ${r.check}`, r.status === "PASS" ? "" : "fail")));
}

const chat = keep("chat", () => "/ws", hear);
keep("trace", () => `/ws/trace?batch=1${traceSeq === null ? "" : `&since=${traceSeq}`}`, (message) => [].concat(message).forEach(event));
keep("test", () => "/ws/test", showTests);

at("composer").onsubmit = (submit) => {
  submit.preventDefault();
  const text = at("text").value.trim();
  if (!text) return;
  if (chat.socket.readyState !== WebSocket.OPEN) return say("error", "Not sent: the connection is not open.");
  chat.socket.send(JSON.stringify({ text }));
  at("text").value = "";
};
at("cancel").onclick = () => chat.socket.send(JSON.stringify({ type: "cancel", ...(running ? { run_id: running } : {}) }));
fetch("/api/frames?last=20").then((answer) => (answer.ok ? answer.json() : { traces: [] })).then((told) => told.traces.forEach(showTrace));
