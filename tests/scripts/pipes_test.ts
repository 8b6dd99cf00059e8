/**
 * The listener among other programs, as a shell puts them together: on the same
 * pipes and in the same terminal, also when that goes.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { RunningBroker } from "../../lib/broker/broker.ts";
import { at, TOPIC } from "../support/brokers.ts";
import { gate, isInstalled, NO_TMUX } from "../support/gates.ts";
import { becomesTrue } from "../support/patience.ts";
import { nextPayload, type Peer, roomTests, said } from "../support/peers.ts";
import { spawn } from "../support/processes.ts";
import { Terminal } from "../support/tmux.ts";

const test = roomTests("hang-up");

/** The words that start the listener. */
const wordsFor = (broker: { port: number }, ...args: string[]) => [
  ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "-N", "listener.ts"],
  ...at(broker, ...args),
];

/** The listener, started by a shell that redirects its input. */
const redirected = (
  broker: { port: number },
  redirection: string,
  ...args: string[]
) => {
  const command = ["-c", `exec "$0" "$@" ${redirection}`];
  return spawn("sh", [...command, ...wordsFor(broker, ...args)]);
};

test("the listener says good-bye", async ({ broker, peer }) => {
  for (const redirection of ["", "< /dev/null", "< LICENSE"]) {
    await using listener = redirected(broker, redirection);
    await listener.stdout.line(/now subscribed/);
    await peer.next();
    assertEquals((await listener.stop("SIGHUP")).code, 0);
    const { notice } = await nextPayload(peer);
    assertEquals(notice, "User chat disconnecting from chat/room.");
  }
});

test("with nohup's input it stays", async ({ broker, peer }) => {
  // nohup gives /dev/null, for writing only, in a terminal's place.
  await using listener = redirected(broker, "0> /dev/null", "-C", "100");
  await listener.stdout.line(/now subscribed/);
  for (let n = 1; n <= 5; n++) {
    listener.signal("SIGHUP");
    await peer.publish(TOPIC, said(`still there? ${n}`));
    await listener.stdout.line(RegExp(`still there\\? ${n}$`));
  }
  // The code says that this is what ends it.
  assertEquals((await listener.stop()).code, 143);
});

const inTmux = roomTests(
  "hang-up",
  gate(
    NO_TMUX ??
      (isInstalled("less", "--version") ? undefined : "less is not installed"),
  ),
);

/** What others say in the room, up to a text. */
async function heardUntil(peer: Peer, text: string): Promise<string[]> {
  const heard: string[] = [];
  while (!heard.at(-1)?.includes(text)) heard.push((await peer.next()).text);
  return heard;
}

inTmux("under nohup it outlives its terminal", async ({ broker, peer }) => {
  const log = await Deno.makeTempFile();
  const listen = wordsFor(broker).join(" ");
  {
    await using terminal = await Terminal.open();
    await terminal.enter(`nohup ${listen} > ${log} 2>&1 &`);
    await peer.next(); // its join notice
  }
  await peer.publish(TOPIC, said("hello?"));
  const isHeard = async () => (await Deno.readTextFile(log)).includes("hello?");
  const isThere = await becomesTrue(isHeard);
  const args = ["-TERM", "-f", `listener.ts ${at(broker).join(" ")}`];
  await new Deno.Command("pkill", { args }).output();
  await heardUntil(peer, "disconnecting");
  await Deno.remove(log);
  assert(isThere);
});

inTmux("a key in a pager is the pager's", async ({ broker, peer }) => {
  await using terminal = await Terminal.open();
  await terminal.enter(`${wordsFor(broker, "--quiet").join(" ")} | less`);
  await peer.next();
  await peer.publish(TOPIC, said("first"));
  await terminal.until(/first/);
  await terminal.press("j", "Enter", "j", "Enter");
  await peer.publish(TOPIC, said("second"));
  await terminal.until(/second/);
  const heard = await heardUntil(peer, "second");
  assertEquals(heard, [said("first"), said("second")]);
});

inTmux("in the background it leaves the terminal", async ({ broker }) => {
  await using terminal = await Terminal.open();
  const flags = ["--quiet", "--no-announce", "-C", "1"];
  const listen = wordsFor(broker, ...flags).join(" ");
  // timeout(1) puts it in a background group of the script's terminal.
  await terminal.enter(`sh -c 'timeout 2 ${listen}; echo code $?'`);
  await terminal.until(/^code 124$/m);
  await terminal.enter(`${listen} & sleep 2; jobs; kill %1; wait $!; echo $?`);
  const screen = await terminal.until(/^143$/m);
  assertMatch(screen, /^\[1\] \+ Running/m);
});

/** Has a pipe on stdout and stderr that doesn't block, before it is another. */
const NONBLOCKING = `
import fcntl, os, sys
for fd in (1, 2):
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)
os.execvp(sys.argv[1], sys.argv[1:])
`;

/** Has a small socket as stdout, which is read after a second. */
const SOCKET = `
import socket, subprocess, sys, time
with socket.create_server(("127.0.0.1", 0)) as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    writing = socket.socket()
    writing.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    writing.connect(server.getsockname())
    reading, _ = server.accept()
subprocess.Popen(sys.argv[1:], stdout=writing)
writing.close()
time.sleep(1)
while part := reading.recv(4096):
    sys.stdout.buffer.write(part)
`;
const NO_PYTHON = isInstalled("python3", "--version")
  ? undefined
  : "python3 is not installed";

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
}

/**
 * Runs a command line in a shell, in which `$LISTEN` reads a room in which all
 * the lines are said once it is there, and ends after the last.
 */
async function outcomeOf(
  command: string,
  broker: RunningBroker,
  peer: Peer,
): Promise<Outcome> {
  const words = wordsFor(broker, "--quiet", "-C", `${COUNT}`);
  const env = { LISTEN: words.join(" "), NONBLOCKING, SOCKET };
  await using shell = spawn("sh", ["-c", command], { env });
  await shell.endInput();
  await peer.next();
  await Promise.all(
    ALL.map((number) => peer.publish(TOPIC, said(`${number} ${LINE}`))),
  );
  const { stdout, stderr } = await shell.outcome();
  // On a loaded machine leaving takes more than a second, which it mentions.
  assertEquals(stderr.replace(/^.*; Ctrl-C again ends it now\.\n$/, ""), "");
  const numbers: number[] = [];
  const others: string[] = [];
  for (const line of stdout.trimEnd().split("\n")) {
    const [, number] = / ann: (\d+) x{210}$/.exec(line) ?? [];
    if (number !== undefined) numbers.push(Number(number));
    else if (!line.includes("now subscribed")) others.push(line);
  }
  return { numbers, others };
}

/** Registers a test of what a command line leaves. */
function pipe(
  name: string,
  command: string,
  check: (outcome: Outcome) => void,
  missing?: string,
): void {
  roomTests("pipes", gate(missing))(name, async ({ broker, peer }) => {
    check(await outcomeOf(command, broker, peer));
  });
}

const isAll = (outcome: Outcome) =>
  assertEquals(outcome, { numbers: ALL, others: [] });

pipe(
  "one that is full, and its reader slow",
  "$LISTEN | (sleep 1; cat)",
  isAll,
);

pipe(
  "stderr on the same one, which a neighbour has set not to block",
  'python3 -c "$NONBLOCKING" $LISTEN --debug 2>&1 | (sleep 1; cat)',
  ({ numbers, others }) => {
    assertEquals(numbers, ALL);
    const isConnected = (line: string) => line.startsWith("Connected to ");
    assertEquals(others.some(isConnected), true, others[0]);
  },
  NO_PYTHON,
);

pipe("a socket is none", 'python3 -c "$SOCKET" $LISTEN', isAll, NO_PYTHON);

pipe(
  "the program after the listener has it as it was",
  // The pipe is nearly full when seq writes to it, and read only later.
  "($LISTEN; seq 30000) | (head -c 200000; sleep 2; cat)",
  ({ numbers, others }) => {
    assertEquals(numbers.length, COUNT);
    assertEquals([others.length, others.at(-1)], [30_000, "30000"]);
  },
);

pipe("a reader that has enough leaves", "$LISTEN | head -n 3", (outcome) => {
  assertEquals(outcome, { numbers: [0, 1], others: [] });
});

pipe("a file is none", "f=$(mktemp); $LISTEN > $f; cat $f; rm $f", isAll);

pipe("/dev/null is none", "$LISTEN > /dev/null", (outcome) => {
  assertEquals(outcome, { numbers: [], others: [""] });
});
