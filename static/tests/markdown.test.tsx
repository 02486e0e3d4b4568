// @vitest-environment jsdom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it, vi } from "vitest";
import { read } from "../src/lib/markdown";
import { Markdown } from "../src/ui/Markdown";

const drawn = (text: string, box = document.createElement("div"), done = true): HTMLElement => {
  void act(() => render(<Markdown text={text} done={done} />, box));
  return box.firstElementChild as HTMLElement;
};

const HOSTILE = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "![x](http://evil.example/p.png)",
  "![x](javascript:alert(1))",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java&#x0a;script:alert(1))",
  "[x](java&Tab;script:alert(1))",
  "[x](&#106;avascript&colon;alert(1))",
  "[x](&NewLine;javascript:alert(1))",
  "[x](<java\tscript:alert(1)>)",
  "[x](<\u0001javascript:alert(1)>)",
  "[x](<java\nscript:alert(1)>)",
  "[x](\\javascript:alert(1))",
  "<javascript:alert(1)>",
  "<JAVASCRIPT:alert(1)>",
  "<data:text/html,x>",
  "[x]\n\n[x]: javascript:alert(1)",
  "[x](https&colon;//evil.example/)",
  "[x](file:///etc/passwd)",
  "[x](blob:https://evil.example/1)",
  "[x](intent:#Intent;end)",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](vbscript:msgbox)",
  "[x](/api/clear)",
  "[x](//evil.example)",
  "<a href='javascript:alert(1)'>x</a>",
  "<svg><script>alert(1)</script></svg>",
  "<svg onload=alert(1)>",
  "&lt;script&gt;alert(1)&lt;/script&gt; &#60;img src=x onerror=alert(1)&#62;",
  "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
  "- [ ] <input onfocus=alert(1) autofocus>",
  "# <svg/onload=alert(1)>",
  "![<img src=x onerror=alert(1)>](javascript:alert(1) \"<script>\")",
  "[![x](javascript:alert(1))](javascript:alert(1))",
  "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "<form action=/api/clear method=post><button>x</button></form>",
  "<input autofocus onfocus=alert(1)>",
  "<style>*{display:none}</style>",
  "<p style='position:fixed;inset:0'>x</p>",
  "<base href='http://evil.example'>",
  "<meta http-equiv=refresh content='0;url=http://evil.example'>",
  "<link rel=stylesheet href=http://evil.example/x.css>",
  "<object data=http://evil.example></object>",
  "<audio src=http://evil.example onloadstart=alert(1)>",
  "<embed src=http://evil.example>",
  "<template><script>alert(1)</script></template>",
  "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
  "<!--><script>alert(1)</script>-->",
  "<![CDATA[<script>alert(1)</script>]]>",
  "<?xml-stylesheet href='javascript:alert(1)'?>",
  "<code><script>alert(1)</script></code>",
  "<textarea></textarea><script>alert(1)</script>",
  "<video src=http://evil.example poster=http://evil.example></video>",
  "[x]: http://evil.example 'a\" onmouseover=\"alert(1)'\n[x]",
  "`` <img src=x onerror=alert(1)> ``",
  "```html onload=alert(1)\n<script>alert(1)</script>\n```",
  "<https://evil.example/\" onclick=\"alert(1)>",
  "```\" onload=\"alert(1)\nx\n```",
  "<div id=app name=body class=top>x</div>",
];

describe("hostile markdown", () => {
  it.each(HOSTILE)("does nothing: %s", (source) => {
    const box = drawn(source);
    const allowed = /^(A|BLOCKQUOTE|BR|CODE|DEL|EM|H[1-6]|HR|LI|OL|P|PRE|SPAN|STRONG|TABLE|TBODY|TD|TH|THEAD|TR|UL)$/;
    for (const element of box.querySelectorAll("*")) {
      expect(element.tagName).toMatch(allowed);
      for (const { name, value } of element.attributes) {
        expect(name).toMatch(/^(href|class|align|start|target|rel|tabindex)$/);
        if (name === "href") expect(new URL(value).protocol).toMatch(/^(https?|mailto):$/);
        if (name === "class") expect(value).toMatch(/^(language-[\w+#.-]+|chip-image|plain)$/);
      }
      for (const name of ["onclick", "onerror", "onload", "onfocus", "onmouseover"] as const) expect((element as HTMLElement)[name]).toBeNull();
    }
  });

  it("keeps raw HTML as the text it is", () => {
    const inline = drawn("a <b>c</b>");
    expect([inline.textContent, inline.querySelector("b")]).toEqual(["a <b>c</b>", null]);
    expect(drawn("<div>\n<script>alert(1)</script>\n</div>").textContent).toBe("<div>\n<script>alert(1)</script>\n</div>");
  });

  it("keeps the words of a link that leads nowhere", () => {
    const box = drawn("[words](javascript:alert(1)) and [more](/api/clear)");
    expect([box.textContent, box.querySelector("a")]).toEqual(["words and more", null]);
  });

  it("shows an image as an inert chip with its host", () => {
    const chip = drawn("![plan](https://evil.example/p.png?secret=1)").querySelector(".chip-image");
    expect(chip?.textContent).toBe("image: plan (evil.example, not loaded)");
  });

  it("opens links elsewhere and tells no referrer", () => {
    const link = drawn("[docs](https://example.org/x)").querySelector("a");
    expect([link?.target, link?.rel]).toEqual(["_blank", "noopener noreferrer nofollow"]);
  });

  it.each([">".repeat(9000), `${">".repeat(200)} deep`, "*a **b ".repeat(300)])("survives nesting without end", (source) => {
    expect(drawn(source).textContent?.length).toBeGreaterThan(3);
    let depth = 0;
    for (let at: Element | null | undefined = drawn(source); at; at = at.querySelector(":scope > *")) depth += 1;
    expect(depth).toBeLessThan(80);
  });
});

const EVERYTHING = `# One **bold**

Two
===

A *b* __c__ ~~d~~ \`e < f\` \\*g\\* &amp; &copy; &#8364; &Tab;x &nosuch; https://example.org/a?b=1&c=2 <mail@example.org>
broken here

> quoted
> > twice

1. first
   - nested
     1. deep
2. second

7) seven

- [x] did
- [ ] todo

loose:

- a

- b

| x | y | z |
|:--|--:|:-:|
| 1 | **2** | \`a \\| b\` |
| 4 |

\`\`\`c++ title
if (a < b) {}
\`\`\`

    indented

---

[ref][r] and [r]

[r]: <https://example.org/ref> "title"
`;

describe("honest markdown", () => {
  const box = drawn(EVERYTHING);
  const texts = (selector: string): (string | null)[] => [...box.querySelectorAll(selector)].map((one) => one.textContent);

  it("has headings, emphasis and breaks", () => {
    expect(texts("h1")).toEqual(["One bold", "Two"]);
    expect([texts("h1 strong"), texts("em"), texts("p > strong"), texts("del"), texts("p > code")]).toEqual([["bold"], ["b"], ["c"], ["d"], ["e < f"]]);
    expect(box.querySelectorAll("p > br, hr")).toHaveLength(2);
  });

  it("has characters by name, and those that are escaped", () => {
    expect(texts("p")[0]).toContain("e < f *g* & © € \tx &nosuch; https");
  });

  it("has links, found and referred to", () => {
    expect([...box.querySelectorAll("a")].map((a) => [a.textContent, a.getAttribute("href")])).toEqual([
      ["https://example.org/a?b=1&c=2", "https://example.org/a?b=1&c=2"],
      ["mail@example.org", "mailto:mail@example.org"],
      ["ref", "https://example.org/ref"],
      ["r", "https://example.org/ref"],
    ]);
    expect(drawn("[x](https://example.org/?a=1&amp;b=2)").querySelector("a")?.href).toBe("https://example.org/?a=1&b=2");
  });

  it("has quotes and lists in one another", () => {
    expect(texts("blockquote blockquote")).toEqual(["twice"]);
    expect(texts("ol > li > ul > li > ol > li")).toEqual(["deep"]);
    expect([...box.querySelectorAll("ol")].map((list) => list.start)).toEqual([1, 1, 7]);
    expect(texts("li").filter((text) => /[☑☐]/.test(text ?? ""))).toEqual(["☑ did", "☐ todo"]);
    expect(texts("li > p").slice(-2)).toEqual(["a", "b"]);
  });

  it("has tables with aligned columns", () => {
    expect([texts("th"), texts("td")]).toEqual([["x", "y", "z"], ["1", "2", "a | b", "4", "", ""]]);
    expect([...box.querySelectorAll("th, td")].map((cell) => cell.getAttribute("align")).slice(0, 6)).toEqual(["left", "right", "center", "left", "right", "center"]);
    expect(texts("td strong")).toEqual(["2"]);
  });

  it("has code, in a box that the keyboard reaches", () => {
    expect(box.querySelector("code.language-c\\+\\+")?.textContent).toBe("if (a < b) {}\n");
    expect(texts("pre")).toEqual(["if (a < b) {}\n", "indented\n"]);
    expect([...box.querySelectorAll("pre")].every((pre) => pre.tabIndex === 0)).toBe(true);
  });
});

describe("markdown that grows", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("is what the whole would be, wherever it was cut", () => {
    const whole = EVERYTHING.slice(0, EVERYTHING.indexOf("[ref]")) + "<div>\nraw\n\n</div>\r\n\r\n- a\r\n\r\n  b\n\n<!-- c\n\nd -->\n\nlast";
    let grown = read("");
    for (let end = 1; end <= whole.length; end += 1) {
      grown = read(whole.slice(0, end), grown);
      expect(grown.blocks).toEqual(read(whole.slice(0, end)).blocks);
    }
  });

  it("reads again only what may still change", () => {
    const before = read("one\n\n- two\n\nthr");
    const after = read("one\n\n- two\n\nthree\n\nfour", before);
    expect(after.blocks.slice(0, 4).every((block, at) => block === before.blocks[at])).toBe(true);
    expect(after.blocks[4]).not.toBe(before.blocks[4]);
    expect(read("other", before).blocks).toEqual(read("other").blocks);
  });

  it("is drawn ten times a second, and what was drawn stays", () => {
    vi.useFakeTimers();
    const box = document.createElement("div");
    const shown = (): string | null | undefined => box.textContent;
    drawn("first\n\nse", box, false);
    const first = box.querySelector("p");
    drawn("first\n\nsec", box, false);
    drawn("first\n\nsecond\n\nthi", box, false);
    expect(shown()).toBe("firstse");
    void act(() => {
      vi.advanceTimersByTime(100);
    });
    expect(shown()).toBe("firstsecondthi");
    drawn("first\n\nsecond\n\nthird [x]\n\n[x]: https://example.org", box, true);
    expect([shown(), box.querySelector("a")?.href]).toEqual(["firstsecondthird x", "https://example.org/"]);
    expect(box.querySelector("p")).toBe(first);
  });
});
