import { assertEquals } from "@std/assert";
import { PacketMeter } from "../../lib/mqtt/packet_limit.ts";

Deno.test("packet limit: the meter follows packets however they are cut", () => {
  const packets = [
    [0xc0, 0],
    [0x30, 127, ...new Array(127).fill(0x80)],
    [0x30, 0x80, 1, ...new Array(128).fill(0xff)],
    [0xc0, 0],
    [0x30, 0xc8, 1, ...new Array(200).fill(0x30)],
  ].flat();
  for (const size of [1, 2, 3, 7, 128, packets.length]) {
    for (const limit of [200, 199]) {
      const meter = new PacketMeter(limit);
      let accepted = true;
      for (let at = 0; at < packets.length && accepted; at += size) {
        accepted = meter.accept(Uint8Array.from(packets.slice(at, at + size)));
      }
      assertEquals(accepted, limit === 200, `cut at ${size}, limit ${limit}`);
    }
  }
  const endless = Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 0);
  assertEquals(new PacketMeter(1000).accept(endless), false);
});
