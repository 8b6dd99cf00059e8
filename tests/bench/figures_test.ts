import { assertEquals, assertThrows } from "@std/assert";
import {
  Figure,
  figureTable,
  shown,
  type Target,
  targetTable,
} from "../../bench/figures.ts";
import { median, percentile } from "../../bench/statistics.ts";
import { replaceFigures } from "../../bench/table.ts";

const oneShot = (targets?: Target[]) => new Figure("one-shot", "ms", targets);
const memory = () => new Figure("one-shot, peak RSS", "MB");
const received = () => new Figure("received", "lines");

Deno.test("median: the middle, by number", () => {
  assertEquals(median([10, 9, 100]), 10);
  assertEquals(median([4, 1, 2, 3]), 2.5);
  assertEquals(median([7]), 7);
  assertThrows(() => median([]), RangeError);
});

Deno.test("percentile: a value that so many do not exceed", () => {
  const values = Array.from({ length: 1_000 }, (_, index) => 1_000 - index);
  assertEquals(percentile(values, 0.5), 500);
  assertEquals(percentile(values, 0.99), 990);
  assertEquals(percentile([5], 0), 5);
  assertEquals(percentile([5], 0.99), 5);
  assertThrows(() => percentile([], 0.5), RangeError);
});

Deno.test("median and percentile leave the values in their order", () => {
  const values = [3, 1, 2];
  median(values);
  percentile(values, 0.5);
  assertEquals(values, [3, 1, 2]);
});

Deno.test("shown: three digits that count, commas, megabytes", () => {
  assertEquals(shown(0.2645, "ms"), "0.26");
  assertEquals(shown(12.345, "ms"), "12.3");
  assertEquals(shown(123.45, "µs"), "123");
  assertEquals(shown(2_708.4, "ms"), "2,708");
  assertEquals(shown(21_340_000, "MB"), "21.3");
  assertEquals(shown(24_129.4, "lines/s"), "24,129");
});

Deno.test("table: medians, ratios to the first peer, empty cells, own words", () => {
  const [wall, peak, count] = [oneShot(), memory(), received()];
  for (const [ours, theirs] of [[90, 40], [84, 60], [300, 42]]) {
    wall.add("ours", ours);
    wall.add("paho", theirs);
  }
  wall.add("MQTT.js", 84);
  peak.add("mosquitto", 4e6);
  peak.add("ours", 60e6);
  peak.add("paho", undefined);
  count.add("ours", 5, "5 of 5");
  count.add("paho", 3, "3 of 5, exit 0");
  assertEquals(
    figureTable([wall, peak, memory(), count]),
    `|                        |         ours | mosquitto |           paho |      MQTT.js |
| ---------------------- | -----------: | --------: | -------------: | -----------: |
| one-shot, ms           | 90.0 (2.14×) |           |           42.0 | 84.0 (2.00×) |
| one-shot, peak RSS, MB | 60.0 (15.0×) |      4.00 |                |              |
| received, lines        |       5 of 5 |           | 3 of 5, exit 0 |              |
`,
  );
});

Deno.test("table: own words are those of the run nearest to the median", () => {
  const count = received();
  for (const lines of [9, 1, 5]) count.add("ours", lines, `${lines} of 9`);
  assertEquals(figureTable([count]).includes("| 5 of 9 |"), true);
});

Deno.test("table: our own columns and the bare client are no peers", () => {
  const wall = oneShot();
  wall.add("ours", 2);
  wall.add("ours, bundled", 1);
  wall.add("bare", 1);
  assertEquals(figureTable([wall]).includes("×"), false);
});

Deno.test("targets: reached, missed, and nothing of what was not measured", () => {
  const peak = memory();
  peak.add("ours", 3);
  const wall = oneShot([
    { to: "paho", atMost: 1.2, bound: "the weather" },
    { to: "paho", atMost: 1.19, bound: "the weather" },
    { to: "paho", atLeast: 1.3 },
    { to: peak, atLeast: 40 },
    { to: "mosquitto", atMost: 1 },
    { to: "MQTT.js", atMost: 1 },
    { ours: "ours, bundled", to: "paho", atMost: 1 },
  ]);
  wall.add("ours", 120);
  wall.add("paho", 100);
  wall.add("mosquitto", 0);
  wall.add("bare", 50);
  assertEquals(
    targetTable([peak, wall, oneShot([{ to: "paho", atMost: 1 }])]),
    `| target         | wanted                    | is    |         | floor     | what bounds it |
| -------------- | ------------------------- | ----- | ------- | --------- | -------------- |
| one-shot, ours | ≤ 1.2 × paho              | 1.20  | reached | bare 0.50 |                |
| one-shot, ours | ≤ 1.19 × paho             | 1.20  | missed  | bare 0.50 | the weather    |
| one-shot, ours | ≥ 1.3 × paho              | 1.20  | missed  | bare 0.50 |                |
| one-shot, ours | ≥ 40 × one-shot, peak RSS | 40.00 | reached |           |                |
`,
  );
});

Deno.test("replaceFigures: between the marks, as often as wanted", () => {
  const text = "a\n\n<!-- figures -->\n\nold\n\n<!-- end of figures -->\n\nb\n";
  const once = replaceFigures(text, "new\n");
  assertEquals(
    once,
    "a\n\n<!-- figures -->\n\nnew\n\n<!-- end of figures -->\n\nb\n",
  );
  assertEquals(replaceFigures(once, "new\n"), once);
  assertThrows(() => replaceFigures("<!-- figures -->", "new"), Error, "marks");
});
