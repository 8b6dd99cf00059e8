import { assertEquals } from "@std/assert";
import { parseUsage } from "../../bench/usage.ts";

/** A process as Linux shows it, shortened, with a name of one's own choice. */
const processText = (name: string, [rss, own, peak, user, system]: number[]) =>
  `Name:\t${name}
VmPeak:\t  999999 kB
VmHWM:\t   ${peak} kB
VmRSS:\t   ${rss} kB
RssAnon:\t   ${own} kB
Threads:\t1
42 (${name}) S 1 42 42 0 -1 4194560 100 0 0 0 ${user} ${system} 7 8 20 0 1 0
`;

Deno.test("parseUsage: time of a process in milliseconds, memory in bytes", () => {
  assertEquals(
    parseUsage(processText("deno", [60_000, 20_000, 80_000, 120, 30])),
    [
      {
        cpu: 1_500,
        rss: 60_000 * 1024,
        ownRss: 20_000 * 1024,
        peakRss: 80_000 * 1024,
      },
    ],
  );
});

Deno.test("parseUsage: several processes, and names that look like more", () => {
  const text = processText("a) R 1 (b", [1, 1, 2, 3, 4]) +
    processText("c d", [5, 3, 6, 7, 8]);
  assertEquals(parseUsage(text), [
    { cpu: 70, rss: 1024, ownRss: 1024, peakRss: 2048 },
    { cpu: 150, rss: 5120, ownRss: 3072, peakRss: 6144 },
  ]);
});
