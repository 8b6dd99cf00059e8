import { assert, assertEquals } from "@std/assert";
import { terminalSvg } from "../../docs/terminal_svg.ts";
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

/** What is drawn on the cells of a picture: the attributes and the text. */
function drawn(captured: string): string[] {
  const svg = terminalSvg(captured, "t", 10);
  assertWellFormed(svg);
  const [, cells] = svg.split('<g xml:space="preserve">\n');
  return cells.split("\n")
    .flatMap((cell) =>
      cell.match(/^<text (.*) lengthAdjust="spacingAndGlyphs">.*(?=<)/)?.[0]
        .replace(' lengthAdjust="spacingAndGlyphs"', "").slice(6) ?? []
    );
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

Deno.test("picture: inverse text has a box of the text's colour behind it", () => {
  const svg = terminalSvg("\x1b[1ma\x1b[7m日\x1b[0mb", "t", 10);
  const box = '<rect class="f" x="25" y="48" width="18" height="20"/>\n';
  assert(svg.includes(`${box}<text class="t s7 s1 f" x="25"`), svg);
  assertEquals(svg.split('<rect class="f"').length, 2);
});

Deno.test("picture: hostile text stays text", () => {
  const hostile = `<script>alert("&lt;")</script>]]>`;
  const svg = terminalSvg(hostile, hostile, 10);
  assertWellFormed(svg);
  assert(!svg.includes("<script"));
});

Deno.test("picture: the cursor is drawn, and the window has its row", () => {
  const svg = terminalSvg("hi\n\n", "t", 10, { column: 2, row: 1 });
  assert(svg.includes('width="122" height="104"'), svg);
  assert(svg.includes('<rect class="f" opacity="0.5" x="34" y="68"'), svg);
});

for (
  const [file, page, ...expected] of [
    [
      "listener.svg",
      "docs/output.md",
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
  Deno.test(`picture: ${file} is whole, in order of time, and in ${page}`, async () => {
    const svg = await Deno.readTextFile(new URL(`docs/${file}`, ROOT));
    assertWellFormed(svg);
    for (const text of expected) assert(svg.includes(text), text);
    for (const [, port] of svg.matchAll(/localhost:(\d+)/g)) {
      assertEquals(port, "1883");
    }
    const times = svg.match(/(?<=>)\d\d:\d\d:\d\d/g);
    assertEquals(times, times?.toSorted());
    const text = await Deno.readTextFile(new URL(page, ROOT));
    const path = page.startsWith("docs/") ? file : `docs/${file}`;
    assert(text.includes(`](${path})`), `${page} shows it`);
  });
}
