import { assertEquals, assertThrows } from "@std/assert";
import { Figures, percentile, replaceFigures } from "../../bench/table.ts";

Deno.test("percentile: a value that so many do not exceed", () => {
  const values = Array.from({ length: 1_000 }, (_, index) => 1_000 - index);
  assertEquals(percentile(values, 0.5), 500);
  assertEquals(percentile(values, 0.99), 990);
  assertEquals(percentile([10, 9, 100], 0.5), 10);
  assertEquals(percentile([5], 0), 5);
});

Deno.test("medians: with ratios to the first peer, and empty cells", () => {
  const figures = new Figures();
  for (const [ours, theirs] of [[90, 40], [84, 60], [300, 42]]) {
    figures.add("one-shot, ms", "ours", ours);
    figures.add("one-shot, ms", "paho", theirs);
  }
  figures.add("one-shot, ms", "MQTT.js", 84);
  figures.add("RSS, MB", "mosquitto", 4);
  figures.add("RSS, MB", "ours", 60);
  figures.add("RSS, MB", "paho", undefined);
  assertEquals(
    figures.medians(),
    `|  | ours | mosquitto | paho | MQTT.js |
| --- | --: | --: | --: | --: |
| one-shot, ms | 90.0 (2.14×) |  | 42.0 | 84.0 (2.00×) |
| RSS, MB | 60.0 (15.0×) | 4.00 |  |  |
`,
  );
});

Deno.test("medians: three digits that count, or all before the point", () => {
  for (
    const [value, text] of [
      [0, "0.00"],
      [0.2645, "0.26"],
      [12.345, "12.3"],
      [123.45, "123"],
      [24_129.4, "24,129"],
    ] as const
  ) {
    const figures = new Figures();
    figures.add("rate", "ours", value);
    assertEquals(figures.medians().split("\n")[2], `| rate | ${text} |`);
  }
});

Deno.test("medians: our own columns and the floors are no peers", () => {
  const figures = new Figures();
  figures.add("one-shot, ms", "ours", 2);
  figures.add("one-shot, ms", "ours, bundled", 1);
  figures.add("one-shot, ms", "bare", 1);
  assertEquals(figures.medians().includes("×"), false);
});

Deno.test("targets: reached, missed, and nothing of what was not measured", () => {
  const figures = new Figures();
  figures.add("RSS, MB", "ours", 3);
  figures.add("ms", "ours", 120);
  figures.add("ms", "paho", 100);
  figures.add("ms", "mosquitto", 0);
  figures.add("ms", "bare", 50);
  figures.want("ms", "ours ≤ 1.2 × paho", "the weather");
  figures.want("ms", "ours ≤ 1.19 × paho", "the weather");
  figures.want("ms", "ours ≥ 1.3 × paho");
  figures.want("ms", "ours ≥ 40 × ours", "", "RSS, MB");
  figures.want("ms", "ours ≤ 1 × mosquitto");
  figures.want("ms", "ours ≤ 1 × MQTT.js");
  figures.want("ms", "ours, bundled ≤ 1 × paho");
  figures.want("never measured", "ours ≤ 1 × paho");
  assertEquals(
    figures.targets(),
    `| target | wanted | is |  | floor | what bounds it |
| --- | --- | --- | --- | --- | --- |
| ms, ours | ≤ 1.2 × paho | 1.20 | reached | bare 0.50 |  |
| ms, ours | ≤ 1.19 × paho | 1.20 | missed | bare 0.50 | the weather |
| ms, ours | ≥ 1.3 × paho | 1.20 | missed | bare 0.50 |  |
| ms, ours | ≥ 40 × RSS, MB | 40.00 | reached |  |  |
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
