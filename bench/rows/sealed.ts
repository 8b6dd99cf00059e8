/**
 * Row 7: what a secret costs ours: a one-shot, and a listener of messages that
 * come as fast as the broker passes them on, without a secret and with one.
 *
 * @module
 */

import { RoomSeal } from "../../lib/seal.ts";
import type { Bench } from "../bench.ts";
import { batchOf } from "../messages.ts";
import type { Command } from "../processes.ts";
import { type Program, sendOne } from "../programs.ts";
import { withCommas } from "../table.ts";
import { LISTEN_TOPICS, measureListener } from "./listening.ts";

const [TOPIC] = LISTEN_TOPICS;
const SECRET = "correct horse battery staple";

/** Ours in one of the two ways, and what is sent to it. */
interface Way {
  program: Program;
  seal?: RoomSeal;
}

export async function sealed(bench: Bench): Promise<void> {
  const program = bench.programs.find(({ column }) => column === "ours")!;
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, SECRET);
    const seal = new RoomSeal(SECRET);
    const plain = { program };
    const sealed = { program: withSecret(program, file), seal };
    await measureOneShots(bench, plain, sealed);
    for (const qos of [0, 1] as const) {
      await measureListeners(bench, qos, plain, sealed);
    }
  } finally {
    await Deno.remove(file);
  }
}

/** Ours, with a secret and the permission to read it. */
function withSecret(program: Program, file: string): Program {
  const add = (command: Command) => {
    const script = command.findIndex((word) => word.endsWith(".ts"));
    const permitted = command.toSpliced(script, 0, `-R=${file}`);
    return [...permitted, "--secret-file", file];
  };
  const { publish, listen } = program;
  return { ...program, publish: add(publish), listen: add(listen) };
}

async function measureOneShots(
  bench: Bench,
  plain: Way,
  sealed: Way,
): Promise<void> {
  const what = "7 one-shot";
  const ways = [
    { ...plain, wall: bench.figure(`${what}, plain`, "ms") },
    { ...sealed, wall: bench.figure(`${what}, sealed`, "ms") },
  ];
  for (const _ of bench.rounds(what, bench.size(15, 1))) {
    for (const { program, wall } of ways) {
      const start = performance.now();
      await bench.processes.start(sendOne(program, TOPIC, "hi")).success();
      wall.add("ours", performance.now() - start);
    }
  }
}

async function measureListeners(
  bench: Bench,
  qos: 0 | 1,
  plain: Way,
  sealed: Way,
): Promise<void> {
  const count = bench.size(100_000, 2_000);
  const of = (way: string) =>
    `7 listener, ${withCommas(count)} ${way} messages at QoS ${qos}`;
  const figuresOf = (what: string, to?: ReturnType<typeof bench.figure>) => ({
    // At least half the speed.
    wall: bench.figure(what, "ms", to && [{ to, atMost: 2 }]),
    cpu: bench.figure(`${what}, CPU`, "ms"),
  });
  const figures = figuresOf(of("plain"));
  const ways = [
    { ...plain, ...figures },
    { ...sealed, ...figuresOf(of("sealed"), figures.wall) },
  ].map((way) => ({
    ...way,
    batch: batchOf(count, LISTEN_TOPICS, qos, way.seal),
  }));
  for (const _ of bench.rounds(of("sealed"), bench.size(3, 1))) {
    for (const { program, batch, wall, cpu } of ways) {
      await measureListener(bench, program, batch, { wall, cpu });
    }
  }
}
