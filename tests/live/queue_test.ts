/**
 * A flood of lines, with the project's mosquitto.conf: all of it arrives, also
 * where the reader is slower than the sender by far.
 */

import { assertEquals } from "@std/assert";
import { gate, isInstalled, NO_MOSQUITTO } from "../support/gates.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { Process, run } from "../support/processes.ts";

const live = gate(NO_MOSQUITTO);
const slow = gate(
  NO_MOSQUITTO ??
    (isInstalled("pv", "--version") ? undefined : "pv is not installed"),
);

const LINES = 100_000;

/** How long it may take to read them all; without a load it is 7 and 17 s. */
const PATIENCE_S = 90;

/** A program, with stdout in a file. */
function startInto(file: string, program: string, args: string[]): Process {
  const child = new Deno.Command("sh", {
    args: ["-c", `exec "$0" "$@" > '${file}'`, program, ...args],
    cwd: new URL("../..", import.meta.url),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return new Process(child, program);
}

/** A listener that shows all there is, or waits for it in vain. */
function startListener({ host }: Mosquitto, file: string): Process {
  const args = ["-h", host, "--no-announce"];
  const enough = ["-C", String(LINES), "-W", String(PATIENCE_S)];
  const deno = ["run", "--quiet", "--no-prompt", "-N", "listener.ts"];
  return startInto(file, Deno.execPath(), [...deno, ...args, ...enough]);
}

/** Sends the numbers of the lines, each with so many characters more. */
async function send({ host }: Mosquitto, more: number): Promise<void> {
  const rest = "x".repeat(more);
  const from = performance.now();
  const outcome = await run("publisher.ts", ["-h", host], {
    stdin: Array.from({ length: LINES }, (_, n) => `${n} ${rest}\n`).join(""),
  });
  console.log(`sent in ${secondsSince(from)} s`);
  assertEquals(outcome, { code: 0, stdout: "", stderr: "" });
}

function secondsSince(from: number): string {
  return ((performance.now() - from) / 1000).toFixed(1);
}

/** Waits for the end of what writes a file; fails unless all is in it. */
async function assertComplete(file: string, writer: Process): Promise<void> {
  const from = performance.now();
  assertEquals((await writer.outcome(1500 * PATIENCE_S)).code, 0);
  console.log(`all was read ${secondsSince(from)} s after that`);
  const text = await Deno.readTextFile(file);
  const shown = [...text.matchAll(/ chat: (\d+) /g)].map(([, n]) => Number(n));
  assertEquals({
    lost: LINES - new Set(shown).size,
    doubled: shown.length - new Set(shown).size,
    isOrdered: shown.every((n, i) => i === 0 || n > shown[i - 1]),
    notes: text.match(/^\S+ == .*$/gm),
  }, { lost: 0, doubled: 0, isOrdered: true, notes: null });
}

live("100,000 lines arrive in a file", async () => {
  await using broker = await Mosquitto.start();
  const file = `${broker.folder}/shown`;
  await using listener = startListener(broker, file);
  await listener.stderr.line(/^Reading /);
  await send(broker, 0);
  await assertComplete(file, listener);
});

slow("100,000 lines arrive through a slow reader", async () => {
  await using broker = await Mosquitto.start();
  const [pipe, file] = [`${broker.folder}/pipe`, `${broker.folder}/shown`];
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  await using listener = startListener(broker, pipe);
  await using pv = startInto(file, "pv", ["-qL", "2m", pipe]);
  await listener.stderr.line(/^Reading /);
  await send(broker, 300);
  await assertComplete(file, pv);
});
