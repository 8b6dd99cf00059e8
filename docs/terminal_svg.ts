/** Captured terminal text → a picture of a terminal window, as SVG. */

import { unicodeWidth } from "@std/cli/unicode-width";

/** In pixels. A cell is 0.6 em wide, as in most monospaced fonts. */
const [CELL, ROW, LEFT, TOP] = [9, 20, 16, 48];

/** f and g are the window's text and ground; s1 to s7 are SGR's attributes. */
const CSS =
  `.t{font:15px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",` +
  `"Liberation Mono",monospace;white-space:pre}
.s1{font-weight:bold}.s2{opacity:.65}.s3{font-style:italic}
.s4{text-decoration:underline}
.f{fill:#1f2328}.g,.s7{fill:#fff}.w{stroke:#d0d7de}
@media(prefers-color-scheme:dark){.f{fill:#e6edf3}.g,.s7{fill:#0d1117}.w{stroke:#3d444d}}`;

/** Draws what `tmux capture-pane -e -p` prints; the cursor is in cells. */
export function terminalSvg(
  captured: string,
  title: string,
  columns: number,
  cursor?: { column: number; row: number },
): string {
  const lines = captured.trimEnd().split("\n");
  const rows = Math.max(lines.length, (cursor?.row ?? 0) + 1);
  const [width, height] = [columns * CELL + 2 * LEFT, TOP + rows * ROW + LEFT];
  const at = (column: number, row: number, down: number) =>
    `x="${LEFT + column * CELL}" y="${TOP + row * ROW + down}"`;
  const box = (column: number, row: number, cells: number, more = "") =>
    `<rect class="f"${more} ${at(column, row, 0)} ` +
    `width="${cells * CELL}" height="${ROW}"/>`;
  const drawn: string[] = [];
  let look = 'class="t f"';
  for (const [row, line] of lines.entries()) {
    let column = 0;
    // deno-lint-ignore no-control-regex -- an escape sequence begins with it
    for (const [part] of line.matchAll(/\x1b\[[\d;]*m|[ -~]+|[^\x1b]/gu)) {
      if (part.startsWith("\x1b")) {
        look = restyled(look, part);
        continue;
      }
      const cells = unicodeWidth(part);
      if (look.includes("s7")) drawn.push(box(column, row, cells));
      drawn.push(
        `<text ${look} ${at(column, row, 15)} textLength="${cells * CELL}" ` +
          `lengthAdjust="spacingAndGlyphs">${escapeXml(part)}</text>`,
      );
      column += cells;
    }
  }
  if (cursor) drawn.push(box(cursor.column, cursor.row, 1, ' opacity="0.5"'));
  const size = (less: number) =>
    `width="${width - less}" height="${height - less}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size(0)} ` +
    `viewBox="0 0 ${width} ${height}" role="img">
<title>${escapeXml(title)}</title>
<style>
${CSS}
</style>
<rect class="g w" x="0.5" y="0.5" ${size(1)} rx="8"/>
<path class="w" d="M1 32.5H${width - 1}"/>
<text class="t s2 f" x="${width / 2}" y="21" text-anchor="middle">` +
    `${escapeXml(title)}</text>
<g xml:space="preserve">
${drawn.join("\n")}
</g>
</svg>
`;
}

/** The attributes after an SGR sequence, of those that tmux writes. */
function restyled(look: string, sequence: string): string {
  for (const [code, color] of sequence.matchAll(/[34]8;5;(\d+)|\d+|\[m/g)) {
    if (code === "0" || code === "[m") look = 'class="t f"';
    else if (/^[1-47]$/.test(code)) look = look.replace('"t', `"t s${code}`);
    else if (/^[34]/.test(code)) look = look.replace(/ style.*/, "");
    if (!code.startsWith("38")) continue;
    // A colour of the palette's cube: three digits to the base of 6.
    const steps = (+color - 16).toString(6).padStart(3, "0").split("");
    look += ` style="fill:rgb(${steps.map((it) => +it && 55 + 40 * +it)})"`;
  }
  return look;
}

const escapeXml = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
