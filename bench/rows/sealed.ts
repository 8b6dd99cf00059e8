/**
 * Row 7: what a secret costs ours, in the one-shots of row 1 and the floods of
 * row 2.
 *
 * @module
 */

import { RoomSeal } from "../../lib/seal.ts";
import type { Bench } from "../bench.ts";
import { ours, type Program } from "../programs.ts";
import { measureFlood } from "./listening.ts";
import { measureOneShots } from "./sending.ts";

const SECRET = "correct horse battery staple";

export async function sealed(bench: Bench): Promise<void> {
  const file = `${bench.folder}/secret`;
  await Deno.writeTextFile(file, SECRET);
  const sealed: Program = {
    ...ours(bench.port, [`-R=${file}`], ["--secret-file", file]),
    column: "ours, sealed",
    seal: new RoomSeal(SECRET),
  };
  const programs = [bench.ours, sealed];
  await measureOneShots(bench, "7 one-shot", programs);
  for (const qos of [0, 1] as const) {
    const what = await measureFlood(bench, "7 listener", qos, programs);
    bench.figures.want(`${what}, ms`, "ours, sealed ≤ 2 × ours");
  }
}
