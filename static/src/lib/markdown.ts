/**
 * Markdown from a model, as HTML that can do nothing. Model output is hostile: raw HTML is shown as
 * text, images become inert chips (no request leaves the page), links are absolute and tell no referrer.
 */
import createDOMPurify from "dompurify";
import { Marked } from "marked";

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function host(address: string): string {
  try {
    return new URL(address).host || "no host";
  } catch {
    return "no host";
  }
}

const marked = new Marked({
  gfm: true,
  breaks: true,
  async: false,
  renderer: {
    html: ({ text }) => escape(text),
    image: ({ href, text }) =>
      `<span class="chip-image">image${text ? `: ${escape(text)}` : ""} (${escape(host(href))}, not loaded)</span>`,
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

const TAGS = [
  "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i",
  "li", "ol", "p", "pre", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
];
const CLASSES = /^(language-[\w+#.-]+|chip-image)$/;

const purify = createDOMPurify(window);
purify.addHook("afterSanitizeAttributes", (node) => {
  if (!CLASSES.test(node.getAttribute("class") ?? "")) node.removeAttribute("class");
  // A block that scrolls sideways has to be reachable without a mouse.
  if (node.tagName === "PRE") node.setAttribute("tabindex", "0");
  if (node.tagName !== "A") return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer nofollow");
});

export function toHtml(source: string): string {
  return purify.sanitize(marked.parse(source) as string, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ["href", "class", "align", "start"],
    ALLOWED_URI_REGEXP: /^(https?:\/\/|mailto:)/i,
    ADD_URI_SAFE_ATTR: ["align", "start"],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
}
