import { assertEquals } from "@std/assert";
import { parseUsage } from "../../bench/processes.ts";

for (const name of ["deno", "a) R 1 (b"]) {
  Deno.test(`parseUsage: milliseconds and MB of a process called ${name}`, () => {
    const text = `Name:\t${name}
VmPeak:\t  999999 kB
VmHWM:\t   80000 kB
VmRSS:\t   60000 kB
RssAnon:\t   20000 kB
Threads:\t1
42 (${name}) S 1 42 42 0 -1 4194560 100 0 0 0 120 30 7 8 20 0 1 0
`;
    assertEquals(parseUsage(text), {
      cpu: 1_500,
      rss: 61.44,
      ownRss: 20.48,
      peakRss: 81.92,
    });
  });
}
