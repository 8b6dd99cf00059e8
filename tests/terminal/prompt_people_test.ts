/** Names and rooms at the prompt: /nick, /join, /ignore, and others of a name. */

import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import {
  joinNotice,
  leaveNotice,
  type Received,
  timeoutNotice,
} from "../../lib/protocol.ts";
import { FakeBroker, letIn } from "../support/brokers.ts";
import { Member } from "../support/members.ts";
import { suback } from "../support/packets.ts";
import {
  assertSane,
  bottom,
  command,
  follower,
  openTerminal,
  ROOM,
  say,
  scene,
  test,
} from "../support/prompt_scene.ts";
import type { Terminal } from "../support/tmux.ts";

/** Another room that every user may read and write. */
const HALL = "chat/hall";

/** What a member heard, as `author: text`. */
function heard({ payload }: Received): string {
  assert("from" in payload);
  const text = payload.type === "message" ? payload.message : payload.notice;
  return `${payload.from}: ${text}`;
}

/** Waits until a member hears a text. */
async function hears(member: Member, text: string): Promise<Received> {
  return await member.received.next((received) => heard(received) === text);
}

scene("/nick changes the prompt, the lines and the will", async (all) => {
  const { terminal, grace } = all;
  await terminal.type("half typed");
  await terminal.until(/^Ada> half typed$/m);
  await terminal.press("C-u");
  await terminal.enter("/nick Ada Byron");
  const screen = await terminal.until(/^Ada Byron>$/m);
  assertEquals(bottom(screen), "Ada Byron>");
  await terminal.until("-- User Ada is now known as Ada Byron.");
  await hears(grace, "Ada: User Ada is now known as Ada Byron.");
  await terminal.enter("hello");
  await terminal.until(/^\d\d:\d\d:\d\d Ada Byron: hello$/m);
  await hears(grace, "Ada Byron: hello");
  await terminal.enter("/who");
  await terminal.until(
    /^ {2}Ada Byron \(you\), key [\dA-F ]{9}, seen \d\d:\d\d:\d\d$/m,
  );
  assertFalse((await terminal.history()).includes("Ada (you)"));
  // The broker knows the new name once the connection is there again.
  await terminal.until(/^\d\d:\d\d:\d\d == Connected to .* after 0\.\d s/m);
  Deno.kill(await follower(terminal), "SIGKILL");
  const name = "Ada Byron";
  await hears(grace, `${name}: ${timeoutNotice(name)}`);
});

scene("what is typed before Ctrl-D is obeyed", async ({ terminal, grace }) => {
  await grace.client.join([HALL], 1);
  await terminal.enter("/nick Ada Byron");
  await terminal.enter(`/join ${HALL}`);
  await terminal.enter("last words");
  await terminal.press("C-d");
  await assertSane(terminal, 0);
  const name = "Ada Byron";
  await hears(grace, `${name}: last words`);
  await hears(grace, `${name}: ${leaveNotice(name, HALL)}`);
});

scene(
  "/join leaves one room for another, and the will goes along",
  async (all) => {
    const { broker, terminal, grace } = all;
    await using hal = await Member.connect(broker);
    await hal.client.join([HALL], 1);
    await say(grace, "bye");
    await terminal.until("Grace: bye");
    await terminal.type("/join ");
    await terminal.press("Tab");
    await terminal.until(`Ada> /join ${ROOM}`);
    await terminal.press("C-u");
    await terminal.enter(`/join ${HALL}`);
    await terminal.enter("hello, hall");
    const screen = await terminal.until("Ada: hello, hall");
    assertMatch(screen, /^You are in chat\/hall now\.$/m);
    await hears(hal, `Ada: ${joinNotice("Ada", HALL)}`);
    await hears(hal, "Ada: hello, hall");
    const left = `Ada: ${leaveNotice("Ada", ROOM)}`;
    await hears(grace, left);
    assertEquals(heard(grace.received.all.at(-1)!), left);
    await say(grace, "too late");
    await hal.say("welcome", HALL);
    await terminal.until("ann: welcome");
    assertFalse((await terminal.history()).includes("too late"));
    // The people are those of this room; what was entered can be found again.
    await terminal.enter("/clear");
    await terminal.until((screen) => screen === "Ada>");
    await terminal.enter("/who");
    const who = await terminal.until(/^ {2}ann, wrote /m);
    assertFalse(who.includes("Grace"));
    await terminal.press("Up", "Up", "Up");
    await terminal.until(/^Ada> hello, hall$/m);
    Deno.kill(await follower(terminal), "SIGKILL");
    await hears(hal, `Ada: ${timeoutNotice("Ada")}`);
  },
);

/** A follower whose broker never answers for the hall. */
function joining(
  name: string,
  leave: (terminal: Terminal) => Promise<void>,
  code: number,
) {
  test(`prompt: during a slow /join, ${name}`, async () => {
    await using broker = new FakeBroker(letIn({
      subscribe: (packet) =>
        packet.subscriptions[0].topic === HALL ? undefined : suback(packet, 1),
    }));
    await using stage = await openTerminal();
    const { terminal } = stage;
    await terminal.enter(command(broker, "--timeout 600"));
    await terminal.until(/^Ada>$/m);
    await terminal.enter(`/join ${HALL}`);
    await terminal.until("Waiting to enter chat/hall");
    await leave(terminal);
    await assertSane(terminal, code);
  });
}

joining("Ctrl-C leaves at once", (terminal) => terminal.press("C-c"), 0);
joining(
  "SIGTERM leaves at once, and names what was not sent",
  async (terminal) => {
    await terminal.enter("for the hall");
    await terminal.until("Ada> for the hall");
    Deno.kill(await follower(terminal), "SIGTERM");
    await terminal.until("Line 1 was not sent.");
  },
  5,
);
joining("Ctrl-D, then Ctrl-C leaves at once", async (terminal) => {
  await terminal.enter("for the hall");
  await terminal.press("C-d");
  await terminal.until("Ctrl-C ends it now");
  await terminal.press("C-c");
  await terminal.until("Line 1 was not sent.");
}, 5);

scene("/ignore hides a member's lines until /unignore", async (all) => {
  const { terminal, grace } = all;
  await say(grace, "first");
  await terminal.until("Grace: first");
  await terminal.type("/ignore g");
  await terminal.press("Tab", "Enter");
  await terminal.until(
    "Lines of Grace are hidden; /unignore Grace shows them.",
  );
  await say(grace, "unheard");
  await say(grace, "heard", "grace");
  const screen = await terminal.until("grace: heard");
  assertFalse(screen.includes("unheard"));
  await terminal.enter("/ignore");
  await terminal.until("Ignored: Grace.");
  await terminal.enter("/ignore Ada");
  await terminal.until("You can't ignore yourself.");
  await terminal.enter("/who");
  await terminal.until(/^ {2}Grace \(ignored\), wrote \d\d:/m);
  // Tab offers her name after /unignore only.
  await terminal.type("G");
  await terminal.press("Tab");
  await terminal.until(/^Ada> grace:$/m);
  await terminal.press("C-u");
  await terminal.type("/unignore ");
  await terminal.press("Tab", "Enter");
  await terminal.until("Grace is shown again.");
  await say(grace, "again");
  await terminal.until("Grace: again");
});

scene("--ignore at the prompt", async ({ terminal, grace }) => {
  for (const name of ["Mallory", "Grace"]) await say(grace, "hi", name);
  await terminal.until("Grace: hi");
  assertFalse((await terminal.screen()).includes("Mallory"));
}, "--ignore Mallory");

scene("what others write under the user's name is marked", async (all) => {
  const { terminal, grace } = all;
  await say(grace, "I am Ada", "Ada");
  await terminal.until("(unsigned) Ada: I am Ada");
  await terminal.enter("I am not");
  await terminal.until("Ada: I am not");
  const tell = (notice: string) =>
    grace.client.send(ROOM, { type: "notice", from: "Ada", notice }, 1);
  await tell(leaveNotice("Ada", ROOM));
  await terminal.until("(unsigned) -- User Ada disconnecting");
  await terminal.enter("/who");
  await terminal.until(/^ {2}Ada \(you\), key [\dA-F ]{9}, seen \d\d:/m);
  assertFalse(/^ {2}Ada, /m.test(await terminal.history()));
  // The user's own lines have the name's colour, the others have none.
  const colored = await terminal.capture();
  const named = (text: string) =>
    colored.split("\n").find((line) => line.includes(text))!;
  // deno-lint-ignore no-control-regex -- ESC begins an underline or a colour
  const styled = /\x1b\[(?:\d+;)*(?:4|38)(?:;\d+)*m/;
  assertMatch(named("I am not"), styled);
  assertFalse(styled.test(named("I am Ada")));
});
