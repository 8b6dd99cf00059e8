/** The prompt in a real terminal, with another member in the room. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { RunningBroker } from "../../lib/broker/broker.ts";
import { joinNotice, leaveNotice } from "../../lib/protocol.ts";
import { hostOf, openBroker } from "./brokers.ts";
import { gate, NO_TMUX } from "./gates.ts";
import { Member } from "./members.ts";
import { Terminal } from "./tmux.ts";

export const ROOM = "chat/room";
/** Another room that every user may read and write. */
export const HALL = "chat/hall";
export const test = gate(NO_TMUX);

/** A terminal, and another member in the room. */
interface Scene {
  broker: RunningBroker;
  terminal: Terminal;
  grace: Member;
}

/** Plays a scene: Ada at the shell, Grace within the test. */
export function atShell(
  name: string,
  play: (scene: Scene) => Promise<void>,
  term?: string,
) {
  test(`prompt: ${name}`, async () => {
    await using broker = await openBroker();
    await using grace = await Member.connect(broker);
    await grace.client.join([ROOM], 1);
    await using terminal = await Terminal.open({ term });
    await play({ broker, terminal, grace });
  });
}

/** The same, with Ada at the prompt. */
export function scene(
  name: string,
  play: (scene: Scene) => Promise<void>,
  args = "",
) {
  atShell(name, async (all) => {
    await all.terminal.enter(command(all.broker, args));
    await all.terminal.until(/^\d\d:\d\d:\d\d -- User Ada is now .*\nAda>$/m);
    await play(all);
  });
}

/** The shell command that prints its process id and follows the room. */
export function command(broker: { port: number }, args = ""): string {
  const deno = `${Deno.execPath()} run -N --no-prompt publisher.ts --follow`;
  return `clear; sh -c 'echo "process $$"; exec ${deno} --name Ada ` +
    `-t ${ROOM} -h ${hostOf(broker)} ${args}'`;
}

export async function say(member: Member, message: string, from = "Grace") {
  await member.client.send(ROOM, { type: "message", from, message }, 1);
}

/** What a terminal shows, and the keys and texts before that. */
type Step = [keys: string[], then: Parameters<Terminal["until"]>[0]];

/** Keys as tmux names them; anything else is typed. */
const KEY = /^(?:[CM]-.+|[A-Z]\w*)$/;

/** Types texts and presses keys step by step; returns the last screen. */
export async function play(
  terminal: Terminal,
  ...steps: Step[]
): Promise<string> {
  let screen = "";
  for (const [keys, then] of steps) {
    for (const key of keys) {
      await (KEY.test(key) ? terminal.press(key) : terminal.type(key));
    }
    screen = await terminal.until(then);
  }
  return screen;
}

export const bottom = (screen: string) => screen.split("\n").at(-1)!;

/** Fails unless the program has ended well and the terminal is as it was. */
export async function assertSane(terminal: Terminal, code: number) {
  await terminal.until(/^\$$/m);
  const screen = await modesOf(terminal, 'echo "code $?"');
  assertMatch(screen, new RegExp(`^code ${code}$`, "m"));
  for (const mode of ["icanon", "echo", "isig", "icrnl", "opost", "ixon"]) {
    assertMatch(screen, new RegExp(`(^| )${mode}[ ;]`, "m"));
  }
  assert((await terminal.cursor()).isShown);
  // What is typed can be seen, and a paste comes without marks.
  await terminal.paste("echo typed");
  await terminal.until(/^\$ echo typed$/m);
}

/** The shell's screen after a command, with the terminal's modes. */
export async function modesOf(terminal: Terminal, command: string) {
  await terminal.enter(`${command}; stty -a`);
  // What is typed before the shell's prompt would stand before it.
  return await terminal.until(/(^| )-?echok (.*\n)*\$$/m);
}

/** Fails unless the next notice that Grace gets, but for the join, is Ada's leave. */
export async function assertGoodBye(grace: Member) {
  const { payload } = await grace.received.next(({ payload }) =>
    payload.type === "notice" && payload.notice !== joinNotice("Ada", ROOM)
  );
  assert(payload.type === "notice");
  assertEquals(payload.notice, leaveNotice("Ada", ROOM));
}

/** The process id of the program that was started last. */
export async function follower(terminal: Terminal): Promise<number> {
  const ids = (await terminal.history()).matchAll(/^process (\d+)$/gm);
  return Number([...ids].at(-1)![1]);
}
