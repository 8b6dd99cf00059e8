import { assert, assertEquals } from "@std/assert";
import { nameColor } from "../../lib/room/color.ts";

Deno.test("colours: none is weak on black or on white, or plain red or green", () => {
  const level = (i: number) => i === 0 ? 0 : 55 + 40 * i;
  const linear = (c: number) =>
    c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const used = new Set<number>();
  for (let i = 0; i < 1000; i++) used.add(nameColor(`user${i}`));
  assertEquals(used.size, 10);
  for (const color of used) {
    const n = color - 16; // the 6 × 6 × 6 cube
    const rgb = [Math.floor(n / 36), Math.floor(n / 6) % 6, n % 6].map(level);
    const [r, g, b] = rgb.map((c) => linear(c / 255));
    const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    assert((luminance + 0.05) / 0.05 >= 3.5, `${color} on black`);
    assert(1.05 / (luminance + 0.05) >= 3.5, `${color} on white`);
    assert(rgb.filter((c) => c >= 95).length > 1, `${color} is one primary`);
  }
});
