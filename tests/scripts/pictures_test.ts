import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { terminalSvg } from "../../docs/terminal_svg.ts";
import { page } from "../support/markdown.ts";
import { ROOT } from "../support/processes.ts";

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

/** A well-formed picture of what a terminal captured. */
function picture(
  captured: string,
  title = "t",
  cursor?: { column: number; row: number },
): string {
  const svg = terminalSvg(captured, title, 10, cursor);
  assertWellFormed(svg);
  return svg;
}

/** What is drawn on the cells of a picture: the attributes and the text. */
function drawn(captured: string): string[] {
  const [, cells] = picture(captured).split('<g xml:space="preserve">\n');
  const cell = /^<text (.*) lengthAdjust="spacingAndGlyphs">(.*)<.*$/gm;
  return [...cells.matchAll(cell)].map(([, look, text]) => `${look}>${text}`);
}

Deno.test("picture: wide characters keep the columns after them", () => {
  assertEquals(drawn("a日é\n\n👋b"), [
    'class="t f" x="16" y="63" textLength="9">a',
    'class="t f" x="25" y="63" textLength="18">日',
    'class="t f" x="43" y="63" textLength="9">é',
    'class="t f" x="16" y="103" textLength="18">👋',
    'class="t f" x="34" y="103" textLength="9">b',
  ]);
});

Deno.test("picture: styles last until they are reset, colours until 39", () => {
  const sequences = [
    ...["\x1b[1ma", "\x1b[38;5;162mb\n", "\x1b[3mc", "\x1b[39md"],
    ...["\x1b[0;4m\x1b[39m\x1b[49me", "\x1b[48;5;1mf", "\x1b[mg"],
  ];
  const looks = drawn(sequences.join(""))
    .map((cell) => cell.replace(/ x=.*>/, " "));
  assertEquals(looks, [
    'class="t s1 f" a',
    'class="t s1 f" style="fill:rgb(215,0,135)" b',
    'class="t s3 s1 f" style="fill:rgb(215,0,135)" c',
    'class="t s3 s1 f" d',
    'class="t s4 f" e',
    'class="t s4 f" f',
    'class="t f" g',
  ]);
});

Deno.test("picture: inverse text has a box behind it, the cursor another", () => {
  const inverse = picture("\x1b[1ma\x1b[7m日\x1b[0mb");
  const box = '<rect class="f" x="25" y="48" width="18" height="20"/>\n';
  assertStringIncludes(inverse, `${box}<text class="t s7 s1 f" x="25"`);
  assertEquals(inverse.split('<rect class="f"').length, 2);
  // The window has the cursor's row.
  const svg = picture("hi\n\n", "t", { column: 2, row: 1 });
  assertStringIncludes(svg, 'width="122" height="104"');
  assertStringIncludes(svg, '<rect class="f" opacity="0.5" x="34" y="68"');
});

Deno.test("picture: hostile text stays text", () => {
  const hostile = `<script>alert("&lt;")</script>]]>`;
  assert(!picture(hostile, hostile).includes("<script"));
});

Deno.test("picture: each is whole, in order of time, and on its page", async () => {
  const chat = "publisher.ts --topic chat/room --follow";
  const sealed = ["Secret of the room:", "(unsealed) Linus: ", "3 sealed pay"];
  const shown = {
    "docs/output.md": ["listener.svg", "listener.ts", "&lt;U+001B&gt;", "?? "],
    "README.md": ["docs/chat.svg", chat, "Grace&gt; "],
    "docs/sealed-rooms.md": ["sealed.svg", ...sealed],
  };
  for (const [path, [link, ...texts]] of Object.entries(shown)) {
    assertStringIncludes(page(path).text, `](${link})`);
    const svg = await Deno.readTextFile(new URL(link, new URL(path, ROOT)));
    assertWellFormed(svg);
    for (const text of texts) assertStringIncludes(svg, text);
    for (const [, port] of svg.matchAll(/localhost:(\d+)/g)) {
      assertEquals(port, "1883");
    }
    const times = svg.match(/(?<=>)\d\d:\d\d:\d\d/g);
    assertEquals(times, times?.toSorted());
  }
});
