import { assertEquals, assertMatch } from "@std/assert";
import { type Plot, svg, ticksAround } from "../../bench/plot.ts";

const PLOT: Plot = {
  title: "µs < ms & s",
  xLabel: "topics",
  lines: new Map([
    ["ours", [[1, 10], [10, 20], [100, 50]]],
    ["paho", [[1, 20], [100, 100]]],
  ]),
};

Deno.test("ticksAround: 1, 2, 5 around the values, or powers of ten", () => {
  assertEquals(ticksAround(14, 31), [10, 20, 50]);
  assertEquals(ticksAround(0.3, 2), [0.2, 0.5, 1, 2]);
  assertEquals(ticksAround(1, 1_000), [1, 10, 100, 1_000]);
  assertEquals(ticksAround(5, 5), [5, 10]);
});

Deno.test("svg: a line and a dot for each point, inside the axes", () => {
  const image = svg([PLOT]);
  const lines = [
    ...image.matchAll(/<polyline class="line s(\d)" points="([^"]+)"/g),
  ].map(([, color, points]) => [color, points]);
  assertEquals(lines, [
    ["0", "58,206 217,154 376,86"],
    ["1", "58,154 376,34"],
  ]);
  assertEquals(image.match(/ r="3"\/>/g)?.length, 5);
});

Deno.test("svg: texts are escaped", () => {
  assertMatch(svg([PLOT]), /<title>µs &lt; ms &amp; s<\/title>/);
});

Deno.test("svg: colours for light and for dark", () => {
  assertMatch(svg([PLOT]), /@media\(prefers-color-scheme:dark\)\{\s*\.ground/);
});

Deno.test("svg: plots two to a line; a program keeps its colour", () => {
  const paho = new Map([...PLOT.lines].slice(1));
  const image = svg([PLOT, { ...PLOT, lines: paho }, PLOT]);
  assertMatch(image, /viewBox="0 0 800 534"/);
  const colors = [...image.matchAll(/class="line s(\d)"/g)].map(([, n]) => n);
  assertEquals(colors, ["0", "1", "1", "0", "1"]);
});
