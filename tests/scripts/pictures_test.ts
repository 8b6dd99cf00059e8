import { assert, assertEquals } from "@std/assert";
import { parseAnsi } from "../../docs/ansi.ts";
import { ansiSvg } from "../../docs/ansi_svg.ts";
import { ROOT } from "../support/processes.ts";

const WINDOW = { title: "t", columns: 10 };

/** What is drawn on the cells of a picture. */
function drawn(captured: string): string[] {
  const [, cells] = ansiSvg(captured, WINDOW)
    .split('<g xml:space="preserve">\n');
  return cells.replace("</g>\n</svg>\n", "").split("\n").filter(Boolean);
}

/** The attributes that keep a text in so many cells. */
const fit = (cells: number) =>
  `textLength="${cells * 9}" lengthAdjust="spacingAndGlyphs"`;

/** Fails unless every element is closed and nothing else looks like one. */
function assertWellFormed(xml: string): void {
  const open: string[] = [];
  const names = /<(\/?)([a-z]+)(?: [\w:-]+="[^"<&]*")*(\/?)>/g;
  for (const [tag, isEnd, name, isEmpty] of xml.matchAll(names)) {
    if (isEnd) assertEquals(name, open.pop(), tag);
    else if (!isEmpty) open.push(name);
  }
  assertEquals(open, []);
  const text = xml.replaceAll(names, "").replaceAll(/&(?:amp|lt|gt);/g, "");
  assert(!/[<&]/.test(text), text);
}

Deno.test("ansi: each attribute, and what takes it back", () => {
  const texts: [string, object][] = [
    ["\x1b[1mx", { bold: true }],
    ["\x1b[2;3mx", { dim: true, italic: true }],
    ["\x1b[4;7mx", { underline: true, inverse: true }],
    ["\x1b[1;2m\x1b[22mx", {}],
    ["\x1b[3;4;7m\x1b[23;24;27mx", {}],
    ["\x1b[38;5;32;1m\x1b[mx", {}],
    ["\x1b[1m\x1b[0;3mx", { italic: true }],
    ["\x1b[38;5;32;1m\x1b[39mx", { bold: true }],
    ["\x1b[38;5;162;1mx", { color: 162, bold: true }],
  ];
  for (const [captured, style] of texts) {
    // Through JSON, since a member that is undefined is as good as none.
    const rows = JSON.parse(JSON.stringify(parseAnsi(captured)));
    assertEquals(rows, [[{ text: "x", style }]], JSON.stringify(captured));
  }
});

Deno.test("ansi: other sequences and control characters are dropped", () => {
  const captured = "a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\c\x1b[2Jd\x1b(B" +
    "e\x1b[>4;1m\x1b[4:3m\x1b[38;2;1;2;3mf\x0e\x0f\r\x00g\x9b\ufffeh\x1b";
  const style = {};
  assertEquals(
    parseAnsi(captured),
    [Array.from("abcdefgh", (text) => ({ text, style }))],
  );
});

Deno.test("ansi: a style goes on in the next row; the last rows are cut", () => {
  const style = { dim: true };
  assertEquals(parseAnsi("\x1b[2ma\n\nb\n\n\n"), [
    [{ text: "a", style }],
    [],
    [{ text: "b", style }],
  ]);
});

Deno.test("picture: the whole of a small one", () => {
  const svg = ansiSvg("hi", { ...WINDOW, cursor: { column: 2, row: 1 } });
  const [before, style, after] = svg.split(/<style>|<\/style>/);
  assertEquals(
    before,
    '<svg xmlns="http://www.w3.org/2000/svg" width="122" height="104" ' +
      'viewBox="0 0 122 104" role="img">\n<title>t</title>\n',
  );
  assert(style.includes("@media(prefers-color-scheme:dark){.f{fill:#e6edf3}"));
  assertEquals(
    after,
    `
<rect class="g w" x="0.5" y="0.5" width="121" height="103" rx="8"/>
<path class="w" d="M1 32.5H121"/>
<g class="f" opacity="0.3"><circle cx="20" cy="16" r="5.5"/><circle cx="38" cy="16" r="5.5"/><circle cx="56" cy="16" r="5.5"/></g>
<text class="t d f" x="61" y="21" text-anchor="middle">t</text>
<g xml:space="preserve">
<text class="t f" x="16" y="63" ${fit(2)}>hi</text>
<rect class="f" opacity="0.5" x="34" y="68" width="9" height="20"/>
</g>
</svg>
`,
  );
  assertWellFormed(svg);
});

Deno.test("picture: wide characters keep the columns after them", () => {
  assertEquals(drawn("a日é👩‍💻b"), [
    `<text class="t f" x="16" y="63" ${fit(1)}>a</text>`,
    `<text class="t f" x="25" y="63" ${fit(2)}>日</text>`,
    `<text class="t f" x="43" y="63" ${fit(1)}>é</text>`,
    `<text class="t f" x="52" y="63" ${fit(2)}>👩‍💻</text>`,
    `<text class="t f" x="70" y="63" ${fit(1)}>b</text>`,
  ]);
});

Deno.test("picture: attributes, colours and what is behind the text", () => {
  assertEquals(drawn("\x1b[1;2;3;4m  "), [
    `<text class="t b d i u f" x="16" y="63" ${fit(2)}>  </text>`,
  ]);
  assertEquals(drawn("\x1b[38;5;162mx\x1b[1;38;5;32my"), [
    `<text class="t" fill="#d70087" x="16" y="63" ${fit(1)}>x</text>`,
    `<text class="t b" fill="#0087d7" x="25" y="63" ${fit(1)}>y</text>`,
  ]);
  assertEquals(drawn("\x1b[7mx\x1b[38;5;33my\x1b[39m   "), [
    `<rect class="f" x="16" y="48" width="9" height="20"/>`,
    `<text class="t g" x="16" y="63" ${fit(1)}>x</text>`,
    `<rect fill="#0087ff" x="25" y="48" width="9" height="20"/>`,
    `<text class="t g" x="25" y="63" ${fit(1)}>y</text>`,
    `<rect class="f" x="34" y="48" width="27" height="20"/>`,
  ]);
});

Deno.test("picture: hostile text stays text", () => {
  const hostile = `<script>alert("&lt;")</script>]]>`;
  const svg = ansiSvg(hostile, { title: hostile, columns: 10 });
  assertWellFormed(svg);
  assert(!svg.includes("<script"));
  assertEquals(drawn("<&>"), [
    `<text class="t f" x="16" y="63" ${fit(3)}>&lt;&amp;&gt;</text>`,
  ]);
});

for (
  const [file, page, ...expected] of [
    [
      "listener.svg",
      "README.md",
      ...["listener.ts", "&lt;U+001B&gt;", "?? User chat timed out"],
    ],
    [
      "chat.svg",
      "README.md",
      ...["publisher.ts --topic chat/room --follow", "Grace&gt; "],
    ],
    [
      "sealed.svg",
      "docs/sealed-rooms.md",
      ...["Secret of the room:", "(unsealed) Linus: ", "3 sealed payloads ("],
    ],
  ]
) {
  Deno.test(`picture: ${file} is whole, telling, and in ${page}`, async () => {
    const svg = await Deno.readTextFile(new URL(`docs/${file}`, ROOT));
    assertWellFormed(svg);
    for (const text of expected) assert(svg.includes(text), text);
    for (const [, port] of svg.matchAll(/localhost:(\d+)/g)) {
      assertEquals(port, "1883");
    }
    const text = await Deno.readTextFile(new URL(page, ROOT));
    const path = page.startsWith("docs/") ? file : `docs/${file}`;
    assert(text.includes(`](${path})`), `${page} shows it`);
  });
}
