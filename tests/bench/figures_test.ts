import { assertEquals, assertThrows } from "@std/assert";
import { replaceFigures } from "../../bench/report.ts";
import { type Case, Results, shown } from "../../bench/results.ts";
import { median, percentile } from "../../bench/statistics.ts";
import { judge } from "../../bench/targets.ts";

const WALL: Case = { id: "wall", what: "one-shot", unit: "ms" };
const PEAK: Case = { id: "peak", what: "one-shot, peak RSS", unit: "MB" };
const COUNT: Case = { id: "count", what: "received", unit: "lines" };

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
  const results = new Results();
  for (const [ours, theirs] of [[90, 40], [84, 60], [300, 42]]) {
    results.add(WALL, "ours", ours);
    results.add(WALL, "paho", theirs);
  }
  results.add(WALL, "MQTT.js", 84);
  results.add(PEAK, "mosquitto", 4e6);
  results.add(PEAK, "ours", 60e6);
  results.add(COUNT, "ours", 5, "5 of 5");
  results.add(COUNT, "paho", 3, "3 of 5, exit 0");
  assertEquals(
    results.table(),
    `|                        |         ours | mosquitto |           paho |      MQTT.js |
| ---------------------- | -----------: | --------: | -------------: | -----------: |
| one-shot, ms           | 90.0 (2.14×) |           |           42.0 | 84.0 (2.00×) |
| one-shot, peak RSS, MB | 60.0 (15.0×) |      4.00 |                |              |
| received, lines        |       5 of 5 |           | 3 of 5, exit 0 |              |
`,
  );
});

Deno.test("table: own words are those of the run nearest to the median", () => {
  const results = new Results();
  for (const count of [9, 1, 5]) {
    results.add(COUNT, "ours", count, `${count} of 9`);
  }
  assertEquals(results.table().includes("| 5 of 9 |"), true);
});

Deno.test("table: our own columns and the bare client are no peers", () => {
  const results = new Results();
  results.add(WALL, "ours", 2);
  results.add(WALL, "ours, bundled", 1);
  results.add(WALL, "bare", 1);
  assertEquals(results.table().includes("×"), false);
});

Deno.test("judge: reached, missed, and nothing of what was not measured", () => {
  const results = new Results();
  results.add(WALL, "ours", 120);
  results.add(WALL, "paho", 100);
  results.add(WALL, "mosquitto", 0);
  results.add(PEAK, "ours", 3);
  assertEquals(
    judge(results, [
      { id: "wall", peer: "paho", atMost: 1.2 },
      { id: "wall", peer: "paho", atMost: 1.19 },
      { id: "wall", peer: "paho", atLeast: 1.3 },
      { id: "wall", peer: "ours", base: "peak", atLeast: 40 },
      { id: "wall", peer: "mosquitto", atMost: 1 },
      { id: "wall", ours: "ours, bundled", peer: "paho", atMost: 1 },
      { id: "other", peer: "paho", atMost: 1 },
    ]),
    `reached  wall, ours: 1.20 × paho (wanted: at most 1.2)
MISSED   wall, ours: 1.20 × paho (wanted: at most 1.19)
MISSED   wall, ours: 1.20 × paho (wanted: at least 1.3)
reached  wall, ours: 40.00 × peak (wanted: at least 40)
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
