/**
 * The listener when its terminal goes, and where the terminal is another
 * program's: a pager, a script in the background.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { at, openBroker, TOPIC } from "../support/brokers.ts";
import { gate, isInstalled, NO_TMUX } from "../support/gates.ts";
import { becomesTrue } from "../support/patience.ts";
import { Peer, said } from "../support/peers.ts";
import { Process, ROOT } from "../support/processes.ts";
import { Tmux } from "../support/tmux.ts";

/** The listener, started by a shell that redirects its input. */
function listening(broker: { port: number }, redirection: string): Process {
  const listen = [
    Deno.execPath(),
    ...["run", "--quiet", "--no-prompt", "-N", "listener.ts", ...at(broker)],
  ];
  const child = new Deno.Command("sh", {
    args: ["-c", `exec "$0" "$@" ${redirection}`, ...listen],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return new Process(child, "listener.ts");
}

Deno.test("hang-up: the listener says good-bye", async () => {
  for (const redirection of ["", "< /dev/null", "< LICENSE"]) {
    await using broker = await openBroker();
    await using peer = await Peer.connect(broker, TOPIC);
    await using listener = listening(broker, redirection);
    await listener.stdout.line(/now subscribed/);
    await peer.next();
    listener.signal("SIGHUP");
    assertEquals((await listener.outcome()).code, 0);
    const { notice } = JSON.parse((await peer.next()).text);
    assertEquals(notice, "User chat disconnecting from chat/room.");
  }
});

Deno.test("hang-up: with nohup's input it stays", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  // nohup gives /dev/null, for writing only, in a terminal's place.
  await using listener = listening(broker, "0> /dev/null");
  await listener.stdout.line(/now subscribed/);
  listener.signal("SIGHUP");
  await peer.publish(TOPIC, said("are you still there?"));
  await listener.stdout.line(/still there/);
  listener.signal("SIGHUP");
  listener.signal("SIGTERM");
  assertEquals((await listener.outcome()).code, 0);
});

const inTmux = gate(
  NO_TMUX ??
    (isInstalled("less", "--version") ? undefined : "less is not installed"),
);

/** What others say in the room, up to a text. */
async function heardUntil(peer: Peer, text: string): Promise<string[]> {
  const heard: string[] = [];
  while (!heard.at(-1)?.includes(text)) heard.push((await peer.next()).text);
  return heard;
}

inTmux("hang-up: under nohup it outlives its terminal", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  const log = await Deno.makeTempFile();
  const listen = [Deno.execPath(), "run", "-N", "listener.ts", ...at(broker)];
  {
    await using tmux = new Tmux(`mqtt-chat-nohup-${Deno.pid}`);
    const size = { columns: 80, rows: 10 };
    const terminal = await tmux.open(size, ROOT.pathname);
    await terminal.enter(`nohup ${listen.join(" ")} > ${log} 2>&1 &`);
    await peer.next(); // its join notice
  }
  await peer.publish(TOPIC, said("hello?"));
  const isHeard = async () => (await Deno.readTextFile(log)).includes("hello?");
  const isThere = await becomesTrue(isHeard);
  await new Deno.Command("pkill", {
    args: ["-TERM", "-f", `listener.ts ${at(broker).join(" ")}`],
  }).output();
  await heardUntil(peer, "disconnecting");
  await Deno.remove(log);
  assertEquals(isThere, true);
});

inTmux("hang-up: a key in a pager is the pager's", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  await using tmux = new Tmux(`mqtt-chat-pager-${Deno.pid}`);
  const terminal = await tmux.open({ columns: 80, rows: 10 }, ROOT.pathname);
  const listen = [Deno.execPath(), "run", "-N", "listener.ts", ...at(broker)];
  await terminal.enter(`${listen.join(" ")} --quiet | less`);
  await peer.next();
  await peer.publish(TOPIC, said("first"));
  await terminal.until(/first/);
  await terminal.press("j", "Enter", "j", "Enter");
  await peer.publish(TOPIC, said("second"));
  await terminal.until(/second/);
  const heard = await heardUntil(peer, "second");
  assertEquals(heard, [said("first"), said("second")]);
});

inTmux("hang-up: in the background it doesn't touch the terminal", async () => {
  await using broker = await openBroker();
  await using tmux = new Tmux(`mqtt-chat-background-${Deno.pid}`);
  const terminal = await tmux.open({ columns: 80, rows: 20 }, ROOT.pathname);
  const listen = [
    ...[Deno.execPath(), "run", "-N", "listener.ts", ...at(broker)],
    ...["--quiet", "--no-announce", "-C", "1"],
  ].join(" ");
  // timeout(1) puts it in a background group of the script's terminal.
  await terminal.enter(`sh -c 'timeout 2 ${listen}; echo code $?'`);
  await terminal.until(/^code 124$/m);
  await terminal.enter(`${listen} & sleep 2; jobs; kill %1; wait $!; echo $?`);
  const screen = await terminal.until(/^143$/m);
  assertMatch(screen, /^\[1\] \+ Running/m);
});
