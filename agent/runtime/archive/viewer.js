/* The page of an exported trace. Whatever the trace holds is hostile text: it becomes text nodes, never markup. */
"use strict";
(() => {
  const BATCH = 500;
  const page = document.getElementById("page");
  const { cover, archive } = JSON.parse(document.getElementById("framescope-trace").textContent);
  const { run, trace, manifest, texts } = archive;
  const effects = new Map((trace.effects ?? []).map((effect) => [effect.effect_id, effect]));

  /** Make an element; strings among the children become text. */
  function el(tag, kind, ...children) {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  }

  const known = (value) => value !== null && value !== undefined;
  const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
  const ms = (value) => (known(value) ? (value < 1000 ? `${Math.round(value * 10) / 10} ms` : `${(value / 1000).toFixed(2)} s`) : "—");
  const count = (value) => (known(value) ? value.toLocaleString("en") : "—");
  const money = (value) => (known(value) ? `$${value.toFixed(6)}` : "—");
  const block = (value) => el("pre", "", pretty(value));

  function pairs(rows) {
    const list = el("dl", "pairs");
    for (const [name, value] of rows) if (known(value) && value !== "") list.append(el("dt", "", name), el("dd", "", String(value)));
    return list;
  }

  /** A part that is filled when it is first opened. */
  function fold(summary, fill, kind = "") {
    const made = el("details", kind, el("summary", "", summary));
    made.addEventListener("toggle", () => { if (made.open && made.childElementCount === 1) made.append(...[fill()].flat()); });
    return made;
  }

  const titled = (title, ...inner) => [el("h3", "", title), ...inner];

  // Effects

  function message(one) {
    const { role, content, ...rest } = one !== null && typeof one === "object" ? one : { role: "message", content: one };
    const parts = known(content) && content !== "" ? [block(content)] : [];
    if (Object.keys(rest).length) parts.push(block(rest));
    return el("div", "message", el("b", "", String(role)), parts);
  }

  function request(effect) {
    const asked = effect.request;
    if (effect.kind !== "model" || !Array.isArray(asked?.messages)) return block(asked ?? null);
    const { messages, ...settings } = asked;
    return [...messages.map(message), fold("tools, format, settings", () => block(settings))];
  }

  function answer(effect) {
    if (effect.error) return [el("p", "fault", `${effect.error.code}: ${effect.error.detail}`), known(effect.error.partial) ? block(effect.error.partial) : null].filter(Boolean);
    if (!known(effect.ended)) return el("p", "fault", "unknown outcome: it was recorded without a result");
    return block(effect.response ?? null);
  }

  function chunks(effect) {
    const told = effect.chunks ?? [];
    if (!told.length) return [];
    const times = told.map(([at, text]) => `${String(Math.round(at)).padStart(7)} ms  ${JSON.stringify(text)}`).join("\n");
    return [fold(`streamed in ${told.length} pieces, the first after ${ms(told[0][0])}`, () => [block(told.map(([, text]) => text).join("")), block(times)])];
  }

  function effectOf(effect) {
    const took = known(effect.ended) ? effect.ended - effect.started : null;
    const use = effect.usage;
    const tokens = use ? `${count(use.prompt_tokens)} + ${count(use.completion_tokens)} tokens` : "";
    const head = [el("b", `kind ${effect.kind}`, effect.kind), ` ${effect.name ?? ""} `, el("span", "faint", [ms(took), tokens, known(effect.cost) ? money(effect.cost) : "", effect.error ? `✕ ${effect.error.code}` : ""].filter(Boolean).join(" · "))];
    return fold(head, () => [
      pairs([["effect", effect.effect_id], ["answered", effect.policy ?? "live"], ["write", effect.write ? "yes" : ""], ["hash", effect.request_hash], ["in", use?.prompt_tokens], ["out", use?.completion_tokens], ["cost", known(effect.cost) ? money(effect.cost) : effect.kind === "model" ? "—" : ""]]),
      ...titled("Request", request(effect)).flat(),
      ...titled("Response", answer(effect)).flat(),
      ...chunks(effect),
    ], "effect");
  }

  // Frames

  const records = [...(trace.frames ?? []).map((record) => ({ record, post: false })), ...(trace.post_frames ?? []).map((record) => ({ record, post: true }))];
  const first = Math.min(...records.map(({ record }) => record.started));
  const last = Math.max(...records.map(({ record }) => record.started + record.duration_ms));
  const share = (time) => `${(100 * (time - first)) / Math.max(last - first, 0.001)}%`;

  function envelope(title, one) {
    if (!one) return [];
    return titled(title, pairs([["kind", one.kind], ["from", one.sender]]), one.text ? block(one.text) : "", known(one.data) ? block(one.data) : "").filter(Boolean);
  }

  function changes(record) {
    const made = record.changes ?? [];
    if (!made.length) return [];
    return titled("State changes", ...made.map((change) => el("div", "change", el("code", "", change.path.join(" / ")), change.gone ? el("span", "faint", " removed") : block(change.value ?? null))));
  }

  function visit({ record, post }) {
    return [
      record.error ? el("p", "fault", record.error) : "",
      pairs([["frame", post ? `${record.frame} (after the answer)` : record.frame], ["visit", record.visit], ["route", record.route || "ends here"], ["condition", record.condition]]),
      ...envelope("Input", record.input),
      ...envelope("Output", record.output),
      ...(record.said ? titled("Said to the user", block(record.said)) : []),
      ...changes(record),
      ...(record.effects?.length ? titled("Effects", ...record.effects.flatMap((id) => (effects.has(id) ? [effectOf(effects.get(id))] : []))) : []),
    ].filter(Boolean);
  }

  function bar(kind, from, length) {
    const made = el("i", `bar ${kind}`);
    made.style.left = share(from);
    made.style.width = `max(2px, ${(100 * length) / Math.max(last - first, 0.001)}%)`;
    return made;
  }

  function row(one) {
    const { record, post } = one;
    const inner = (record.effects ?? []).flatMap((id) => effects.get(id) ?? []).filter((effect) => effect.kind === "model" || effect.kind === "tool");
    const track = el("span", "track", bar(record.error ? "error" : post ? "post" : "visit", record.started, record.duration_ms), inner.map((effect) => bar(effect.kind, effect.started, (effect.ended ?? effect.started) - effect.started)));
    const way = [record.route ? `→ ${record.route}` : "", record.condition ?? ""].filter(Boolean).join("  ");
    return fold([
      el("span", "number", post ? "post" : String(record.frame)), el("span", "node", record.error ? "✕ " : "", record.node, record.visit > 1 ? ` ×${record.visit}` : ""),
      track, el("span", "way", record.error || way), el("span", "took", ms(record.duration_ms)),
    ], () => visit(one), "frame");
  }

  function waterfall() {
    const list = el("section", "frames", el("h2", "", "Frames"));
    if (!records.length) return el("section", "frames", el("h2", "", "Frames"), el("p", "faint", "This run has none."));
    let shown = 0;
    const more = el("button", "", "");
    const show = () => {
      more.before(...records.slice(shown, shown + BATCH).map(row));
      shown = Math.min(shown + BATCH, records.length);
      more.hidden = shown === records.length;
      more.textContent = `${count(records.length - shown)} further visits`;
    };
    more.type = "button";
    more.addEventListener("click", show);
    list.append(more);
    show();
    return list;
  }

  // What it is pinned to

  const textOf = (part) => texts[manifest.parts[part]] ?? "";

  function graph() {
    let spec = null;
    try { spec = JSON.parse(textOf("graph")); } catch { return block(textOf("graph")); }
    const nodes = (spec.node ?? []).map((node) => el("tr", "", el("td", "", node.role), el("td", "mono", node.impl), el("td", "", node.post ? "after the answer" : node.description ?? "")));
    const edges = (spec.edge ?? []).map((edge) => el("tr", "", el("td", "", `${edge.from} → ${(edge.to ?? []).join(" + ")}`), el("td", "", edge.condition || "always"), el("td", "", [edge.type, edge.carries].filter(Boolean).join(": "))));
    return [el("table", "", el("tbody", "", nodes)), el("table", "", el("tbody", "", edges))];
  }

  function pinned() {
    if (!manifest) return el("section", "", el("h2", "", "Pinned"), el("p", "faint", "This run is pinned to nothing: it never began, or its revision was not kept."));
    const parts = Object.keys(manifest.parts).sort().filter((part) => part !== "graph");
    return el("section", "", el("h2", "", "Pinned ", el("small", "faint mono", run.revision)), fold(`graph ${manifest.graph}`, graph), parts.map((part) => fold([part, el("span", "faint mono", ` ${manifest.parts[part]}`)], () => block(textOf(part)))));
  }

  function before() {
    const turns = (archive.turns ?? []).map((turn) => ({ role: turn.role, content: turn.content }));
    return el("section", "", el("h2", "", "Where it started"),
      fold(`conversation, ${turns.length} messages`, () => turns.map(message)), fold("state", () => block(archive.state ?? null)),
      fold("what the page and the sensor showed", () => block({ dashboard: run.dashboard ?? null, sensor: run.sensor ?? null, data: run.data ?? null })),
      fold("the run as it is stored", () => block(run)));
  }

  function head() {
    const models = [...effects.values()].filter((effect) => effect.kind === "model");
    const unknown = (name) => models.some((effect) => !known(effect[name]));
    const tokens = unknown("usage") ? null : models.reduce((sum, effect) => sum + effect.usage.prompt_tokens + effect.usage.completion_tokens, 0);
    const cost = unknown("cost") ? null : models.reduce((sum, effect) => sum + effect.cost, 0);
    return el("header", "",
      el("h1", "", trace.message || trace.kind), el("p", `outcome ${trace.outcome}`, trace.outcome),
      pairs([["run", run.run_id], ["imported from", run.imported_from], ["kind", run.kind ?? "message"], ["graph", trace.graph], ["revision", trace.revision], ["path", trace.path || "—"], ["frames", count(trace.total_frames)], ["time", ms(trace.total_ms)], ["tokens", count(tokens)], ["cost", money(cost)], ["effects", count(effects.size)], ["started", new Date(trace.started).toISOString()]]),
      trace.error ? el("p", "fault", trace.error) : "", el("h2", "", "Answer"), trace.response ? block(trace.response) : el("p", "faint", "—"));
  }

  document.title = `${String(trace.message || trace.kind).slice(0, 80)} · Framescope`;
  page.replaceChildren(head(), waterfall(), pinned(), before(), el("footer", "faint", `Written by Framescope ${cover.framescope}. To replay it and go on with it: `, el("code", "", "python3 run.py import FILE")));
})();
