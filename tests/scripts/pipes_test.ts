/**
 * The scripts among other programs on the same pipes, as a shell puts them
 * together.
 */

import { assertEquals } from "@std/assert";
import { at, openBroker, TOPIC } from "../support/brokers.ts";
import { gate, isInstalled } from "../support/gates.ts";
import { Peer, said } from "../support/peers.ts";

const ROOT = new URL("../..", import.meta.url);
const withPython = gate(
  isInstalled("python3", "--version") ? undefined : "python3 is not installed",
);

/** Has a pipe on stdout and stderr that doesn't block, before it is another. */
const NONBLOCKING = `
import fcntl, os, sys
for fd in (1, 2):
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)
os.execvp(sys.argv[1], sys.argv[1:])
`;

/** So many lines are far more than a pipe holds. */
const COUNT = 1_000;
const LINE = "x".repeat(210);
const ALL = Array.from({ length: COUNT }, (_, number) => number);

/** What is left of a command line. */
interface Outcome {
  /** The numbers of the lines that the listener wrote to it. */
  numbers: number[];
  /** Whatever else was written, but for the listener's own notice. */
  others: string[];
  stderr: string;
}

/**
 * Runs a command line in a shell, in which `$LISTEN` reads a room in which all
 * the lines are said once it is there, and ends after the last.
 */
async function outcomeOf(command: string): Promise<Outcome> {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  const listen = [
    Deno.execPath(),
    ...["run", "--quiet", "--no-prompt", "-N", "listener.ts"],
    ...at(broker, "--quiet", "-C", `${COUNT}`),
  ].join(" ");
  const process = new Deno.Command("sh", {
    args: ["-c", command],
    cwd: ROOT,
    env: { LISTEN: listen, NONBLOCKING, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const outcome = process.output();
  await peer.next();
  await Promise.all(
    ALL.map((number) => peer.publish(TOPIC, said(`${number} ${LINE}`))),
  );
  const { stdout, stderr } = await outcome;
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  const numberOf = (line: string) => / ann: (\d+) x{210}$/.exec(line)?.[1];
  return {
    numbers: lines.map(numberOf).filter((n) => n !== undefined).map(Number),
    others: lines.filter((line) =>
      numberOf(line) === undefined && !line.includes("now subscribed")
    ),
    // On a loaded machine leaving takes more than a second, which it mentions.
    stderr: new TextDecoder().decode(stderr)
      .replace(/^.*; Ctrl-C again ends it now\.\n$/, ""),
  };
}

Deno.test("pipes: one that is full, and its reader slow", async () => {
  const { numbers, others, stderr } = await outcomeOf(
    "$LISTEN | (sleep 1; cat)",
  );
  assertEquals([numbers, others, stderr], [ALL, [], ""]);
});

withPython("pipes: one that a neighbour has set not to block", async () => {
  const { numbers, others, stderr } = await outcomeOf(
    'python3 -c "$NONBLOCKING" $LISTEN 2>&1 | (sleep 1; cat)',
  );
  assertEquals([numbers, others, stderr], [ALL, [], ""]);
});

Deno.test("pipes: stderr on the same one, told of every step", async () => {
  const { numbers, others, stderr } = await outcomeOf(
    "$LISTEN --debug 2>&1 | (sleep 1; cat)",
  );
  assertEquals([numbers, stderr], [ALL, ""]);
  const isConnected = others.some((line) => line.startsWith("Connected to "));
  assertEquals(isConnected, true, others[0]);
});

Deno.test("pipes: who comes after has it as it was", async () => {
  // The pipe is nearly full when seq writes to it, and read only later.
  const { numbers, others, stderr } = await outcomeOf(
    "($LISTEN; seq 30000) | (head -c 200000; sleep 2; cat)",
  );
  assertEquals([numbers.length, stderr], [COUNT, ""]);
  assertEquals([others.length, others.at(-1)], [30_000, "30000"]);
});

Deno.test("pipes: a reader that has enough leaves", async () => {
  const { numbers, stderr } = await outcomeOf("$LISTEN | head -n 3");
  assertEquals([numbers, stderr], [[0, 1], ""]);
});

Deno.test("pipes: a file and /dev/null are none", async () => {
  const { numbers, stderr } = await outcomeOf(
    "f=$(mktemp); $LISTEN > $f; cat $f; rm $f",
  );
  assertEquals([numbers, stderr], [ALL, ""]);
  const nothing = await outcomeOf("$LISTEN > /dev/null");
  assertEquals(nothing, { numbers: [], others: [""], stderr: "" });
});
