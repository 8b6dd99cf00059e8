import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { joinNotice } from "../../lib/protocol.ts";
import { isSigned } from "../../lib/sign.ts";
import { at as inTheRoom, hostOf, TOPIC } from "../support/brokers.ts";
import { becomesTrue } from "../support/patience.ts";
import {
  type Arrival,
  linesOf,
  nextPayload,
  roomTests,
  said,
} from "../support/peers.ts";
import {
  assertEnds,
  assertOneLine,
  listening,
  run,
  start,
} from "../support/processes.ts";

const test = roomTests("listener");

const at = (broker: { port: number }, ...args: string[]) =>
  inTheRoom(broker, "--name", "Lea", ...args);

const JOINED = "User Lea is now subscribed to chat/room.";
const LEFT = "User Lea disconnecting from chat/room.";

for (const signal of ["SIGINT", "SIGTERM"] satisfies Deno.Signal[]) {
  test(`joins, reads, and leaves at ${signal}`, async ({ broker, peer }) => {
    await using listener = await listening(at(broker));
    const { id, at: sentAt, key, sig, ...joined } = await nextPayload(peer);
    assertMatch(`${key} ${sig}`, /^[\w-]{43} [\w-]{86}$/);
    assertEquals(joined, { type: "notice", from: "Lea", notice: JOINED });
    assertMatch(`${id} ${sentAt}`, /^.{1,64} \d{4}-\d\d-\d\dT.*Z$/);
    await peer.publish(TOPIC, said("Grüße 👋"));
    await listener.stdout.line(/ann: Grüße 👋$/);
    await peer.next();
    const outcome = await listener.stop(signal);
    const stderr = `Connected to ${hostOf(broker)}.\n` +
      "Reading chat/room at QoS 1.\n";
    assertEquals([outcome.code, outcome.stderr], [0, stderr]);
    const lines = [`-- ${JOINED}`, "ann: Grüße 👋", `-- ${LEFT}`];
    assertEquals(linesOf(outcome), lines);
    assertEquals((await nextPayload(peer)).notice, LEFT);
    // No will after a leave in good order.
    await peer.publish(TOPIC, "end");
    assertEquals(await peer.until("end"), []);
  });
}

test("--json is one object a line", async ({ broker, peer }) => {
  const args = ["--json", "-C", "3"];
  await using listener = await listening(at(broker, ...args));
  await peer.publish(TOPIC, said("a\nb\u001b[2J \u202e"));
  await peer.publish(TOPIC, '{"type":"info","from":"bob","notice":"left"}');
  await peer.publish(TOPIC, Uint8Array.of(0xff, 0x00));
  const { code, stdout } = await listener.outcome();
  assertEquals(code, 0);
  assertFalse(/[^\P{Cc}\n]|\u202e/u.test(stdout), stdout);
  const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map(({ type, from, text }) => [type, from, text]), [
    ["notice", "Lea", JOINED],
    ["message", "ann", "a\nb\u001b[2J \u202e"],
    ["notice", "bob", "left"],
    ["malformed", undefined, "\ufffd\0"],
  ]);
  for (const { receivedAt, topic, qos, retain } of lines) {
    assertFalse(Number.isNaN(Date.parse(receivedAt)));
    assertEquals([topic, qos, retain], [TOPIC, 1, false]);
  }
});

test("--count leaves out its own notices alone", async ({ broker, peer }) => {
  await using listener = await listening(at(broker, "--count", "2"));
  await peer.publish(TOPIC, '{"type":"notice","from":"Lea","notice":"hi"}');
  for (const text of ["one", "two"]) await peer.publish(TOPIC, said(text));
  const outcome = await listener.outcome();
  assertEquals(outcome.code, 0);
  assertEquals(linesOf(outcome), [`-- ${JOINED}`, "-- hi", "ann: one"]);
});

test("SIGINT before --count is exit 130", async ({ broker, peer }) => {
  await using listener = await listening(at(broker, "-C", "2", "-W", "60"));
  await peer.publish(TOPIC, said("one"));
  await listener.stdout.line(/one$/);
  const outcome = await listener.stop("SIGINT");
  assertEquals(outcome.code, 130);
  assertEquals(linesOf(outcome).at(-1), `-- ${LEFT}`);
});

test("--only mentions waits, and tells of losses", async ({ broker, peer }) => {
  const args = ["--only", "mentions", "--json", "-C", "1", "-W", "20"];
  await using listener = start("listener.ts", at(broker, ...args));
  await peer.next();
  const numbered = (message: string, number: number) => {
    const id = `run-of-ann-12345-${number}`;
    return JSON.stringify({ type: "message", from: "ann", message, id });
  };
  await peer.publish(TOPIC, numbered("hello", 1));
  await peer.publish(TOPIC, numbered("nothing", 2));
  await peer.publish(TOPIC, said("lea?", "Lea"));
  await peer.publish(TOPIC, "lea");
  await peer.publish(TOPIC, numbered("Lea!", 5));
  const outcome = await listener.outcome();
  const loss = /^[\d:]{8} == 2 messages of ann did not arrive\.$/m;
  assertEnds(outcome, 0, loss);
  const lines = outcome.stdout.trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  assertEquals(lines.map(({ text }) => text), ["Lea!"]);
});

test("--wait ends it, --quiet silences stderr", async ({ broker }) => {
  const from = performance.now();
  const args = at(broker, "--wait", "2", "--quiet");
  const outcome = await run("listener.ts", args);
  assert(performance.now() - from >= 2000);
  assertEquals([outcome.code, outcome.stderr], [0, ""]);
  assertEquals(linesOf(outcome), [`-- ${JOINED}`, `-- ${LEFT}`]);
  assertEnds(
    await run("listener.ts", at(broker, "-C", "3", "-W", "0.3")),
    6,
    /^listener: --wait 0\.3 has passed before --count 3\.$/m,
  );
});

test("killed, it is reported by the broker", async ({ broker, peer }) => {
  await using listener = await listening(at(broker));
  await peer.next();
  listener.signal("SIGKILL");
  const { type, from, notice } = await nextPayload(peer);
  const will = ["notice", "Lea", "User Lea timed out."];
  assertEquals([type, from, notice], will);
});

test("unseen with --no-announce and on wildcards", async ({ broker, peer }) => {
  const host = ["-h", hostOf(broker), "-n", "Lea"];
  for (const more of [["-t", TOPIC, "--no-announce"], ["-t", "chat/#"]]) {
    await using listener = start("listener.ts", [...host, ...more]);
    await listener.stderr.line(/^Reading/);
    await peer.publish(TOPIC, said("first"));
    await listener.stdout.line(/first$/);
    await listener.stop(more.length > 2 ? "SIGTERM" : "SIGKILL");
    await peer.publish(TOPIC, "end");
    const seen = (await peer.until("end")).map(({ text }) => text);
    assertEquals(seen, [said("first")]);
  }
}, ["#"]);

test("several topics, each announced and shown", async ({ broker, peer }) => {
  const args = ["-t", "chat/b", "-C", "2"];
  await using listener = start("listener.ts", at(broker, ...args));
  const announced = [await peer.next(), await peer.next()]
    .map(({ topic, text }) => [topic, JSON.parse(text).notice]);
  assertEquals(announced.sort(), [
    ["chat/b", "User Lea is now subscribed to chat/b."],
    ["chat/room", JOINED],
  ]);
  await listener.stdout.line(/\[chat\/b\] -- User Lea/);
  await peer.publish("chat/b", said("in b"));
  await peer.publish(TOPIC, said("in room"));
  const lines = ["[chat/b] ann: in b", "[chat/room] ann: in room"];
  assertEquals(linesOf(await listener.outcome()).slice(2), lines);
}, ["chat/#"]);

test("colours and the topic, as asked for", async ({ broker, peer }) => {
  await peer.publish(TOPIC, said("hi"), true);
  const see = (NO_COLOR: string, ...flags: string[]) => {
    const args = at(broker, "-C", "1", "--no-announce", ...flags);
    return run("listener.ts", args, { env: { NO_COLOR } });
  };
  const [always, wanted, auto, never] = await Promise.all([
    ...[see("", "--color", "always"), see("1", "--color", "always")],
    ...[see("", "--color", "auto"), see("", "--color", "never", "-T")],
  ]);
  const styles = ({ stdout }: { stdout: string }) =>
    stdout.replace(/[\d:]{8}/, "").replaceAll("\x1b", "<ESC>");
  assertEquals(styles(wanted), styles(always));
  assertMatch(
    styles(always),
    /^<ESC>\[2m.* \(retained\)<ESC>\[22m <ESC>\[38;5;\d+mann<ESC>\[39m: hi\n$/,
  );
  assertEquals(linesOf(auto), ["(retained) ann: hi"]);
  assertEquals(linesOf(never), ["[chat/room] (retained) ann: hi"]);
});

test("what is no chat payload is marked, or none", async ({ broker, peer }) => {
  const cases: [payload: string | Uint8Array, line?: RegExp][] = [
    // The Python program's last will is a notice.
    ["User carol timed out.\n", /^-- User carol timed out\.$/],
    [
      Uint8Array.of(0x80, 0x00, 0x1b, 0x5b, 0x32, 0x4a, 0x0a, 0xff),
      /^\?\? �<U\+0000><U\+001B>\[2J ⏎ � \(not UTF-8\)$/,
    ],
    [""], // clears a retained message
    [
      "x".repeat(70_000),
      /^\?\? x{200}… \(70000 bytes, over the limit of 65536 bytes\)$/,
    ],
    ['"a string"', /^\?\? "a string"$/],
    ['{"type":"message","from":"ann"}', /^\?\? .*no text in `message`\)$/],
    [
      '{"type":"toString","from":"ann","message":"hi"}',
      /^\?\? .*`type` is neither/,
    ],
  ];
  const marks = cases.flatMap(([, line]) => line ?? []);
  const args = ["--no-announce", "-C", `${marks.length}`];
  await using listener = await listening(at(broker, ...args));
  for (const [payload] of cases) await peer.publish(TOPIC, payload);
  const outcome = await listener.outcome();
  assertEquals(outcome.code, 0);
  const lines = linesOf(outcome);
  assertEquals(lines.length, marks.length);
  for (const [index, line] of lines.entries()) assertMatch(line, marks[index]);
});

test("a hostile payload does nothing to a pipe", async ({ broker, peer }) => {
  const controls = Array.from({ length: 0xa0 }, (_, code) => code)
    .filter((code) => code < 0x20 || code >= 0x7f);
  const hostile = `${String.fromCodePoint(...controls)}\u202e\u2028\u2066`;
  const args = ["-t", "chat/+", "-C", "3", "--no-announce"];
  await using listener = start("listener.ts", at(broker, ...args));
  for (let i = 0; i < 2; i++) await listener.stderr.line(/^Reading/);
  await peer.publish("chat/\x1b[2J\n", said(hostile, hostile));
  const notice = { type: "notice", from: hostile, notice: hostile };
  await peer.publish("chat/a", JSON.stringify(notice));
  await peer.publish("chat/a", hostile);
  const outcome = await listener.outcome();
  assertEquals(linesOf(outcome).length, 3);
  for (const text of [outcome.stdout, outcome.stderr]) {
    const rest = text.replaceAll("\n", "");
    assertFalse(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u.test(rest), rest);
  }
});

test("a reader that hangs up ends it", async ({ broker, peer }) => {
  for (const [args, code] of [[[], 0], [["-C", "1000"], 141]] as const) {
    await using listener = await listening(at(broker, ...args));
    await listener.stdout.hangUp();
    let hasEnded = false;
    const ended = listener.outcome().finally(() => hasEnded = true);
    // A read that was pending at the hang-up may still take some lines.
    await becomesTrue(async () => {
      if (!hasEnded) await peer.publish(TOPIC, said("unread"));
      return hasEnded;
    });
    assertEquals((await ended).code, code);
    while (!(await peer.next()).text.includes("disconnecting from")) {
      // It is News that fails when none comes.
    }
  }
});

test("--debug says where times are in UTC", async ({ broker }) => {
  const args = at(broker, "--debug", "-W", "0.1");
  const told = async (TZ: string) => {
    const { stderr } = await run("listener.ts", args, { env: { TZ } });
    return stderr.split("\n").filter((line) => line.includes("in UTC")).length;
  };
  const zones = ["Europe/Berlin", "CET-1CEST,M3.5.0"];
  assertEquals(await Promise.all(zones.map(told)), [0, 1]);
});

test("an ignored name is not shown, not counted", async ({ broker, peer }) => {
  const args = ["--ignore", "Bob", "--ignore", '"Bob<U+200B>"', "-C", "3"];
  await using lines = start("listener.ts", at(broker, ...args));
  await lines.stdout.line(/now subscribed/);
  const hidden = ["--no-announce", "--json"];
  await using json = start("listener.ts", at(broker, ...args, ...hidden));
  await json.stderr.line(/^Reading/);
  for (const name of ["Bob", "Bob\u200b", "bob"]) {
    const notice = joinNotice(name, TOPIC);
    await peer.publish(
      TOPIC,
      JSON.stringify({ type: "notice", from: name, notice }),
    );
    await peer.publish(TOPIC, said(`hi from ${name}`, name));
  }
  // The older program's will has no author but in its words.
  await peer.publish(TOPIC, "User Bob timed out.\n");
  await peer.publish(TOPIC, said("end"));
  const [toLines, toJson] = [await lines.outcome(), await json.outcome()];
  assertEquals([toLines.code, toJson.code], [0, 0]);
  assertEquals(linesOf(toLines), [
    `-- ${JOINED}`,
    `-- ${joinNotice("bob", TOPIC)}`,
    ...["bob: hi from bob", "ann: end"],
  ]);
  const texts = toJson.stdout.trimEnd().split("\n")
    .map((line) => JSON.parse(line).text);
  assertEquals(texts, [joinNotice("bob", TOPIC), "hi from bob", "end"]);
});

Deno.test("listener: no script ignores its own name", async () => {
  const sentence = /: --ignore "Ada" is your own name; --name gives you/;
  for (const script of ["listener.ts", "publisher.ts"]) {
    const outcome = await run(script, ["--ignore", "Ada", "-n", "Ada"]);
    assertOneLine(outcome, 2, sentence);
  }
});

test("forged ids hide no message, forge no loss", async ({ broker, peer }) => {
  await using listener = start("listener.ts", at(broker));
  await listener.stdout.line(/ is now subscribed to /);
  const say = async (n: number, message: string, from = "Ada") => {
    const id = `abcdefghijklmnop-${n}`;
    const payload = { type: "message", from, message, id };
    await peer.publish(TOPIC, JSON.stringify(payload));
  };
  for (let n = 1; n <= 15; n++) {
    await say(n, `forged ${n}`, "Eve");
    // Sent twice, as after a lost acknowledgement.
    for (let i = 0; i < 2; i++) await say(n, `real ${n}`);
  }
  await say(9_000_000, "forged leap");
  for (const n of [16, 30, 31]) await say(n, `real ${n}`);
  await listener.stdout.line(/ == 13 messages of Ada did not arrive\.$/);
  await say(35, "real 35");
  await listener.stdout.line(/real 35$/);
  const both = (
    _: unknown,
    i: number,
  ) => [`Eve: forged ${i + 1}`, `Ada: real ${i + 1}`];
  assertEquals(linesOf(await listener.stop()).slice(1), [
    ...Array.from({ length: 15 }, both).flat(),
    "Ada: forged leap",
    ...[16, 30, 31].map((n) => `Ada: real ${n}`),
    "== 13 messages of Ada did not arrive.",
    "Ada: real 35",
    "== 3 messages of Ada did not arrive.",
    `-- ${LEFT}`,
  ]);
});

const WHO = `${TOPIC}/$who`;
const RUN = "AAAAAAAAAAAAAAAA";

test("announced, it answers /who, and signs", async ({ broker, peer }) => {
  for (const name of [[], ["-n", "Ada"]]) {
    await using listener = await listening(inTheRoom(broker, ...name));
    const run = `${RUN}${name.length}`;
    const isAnswer = ({ topic }: Arrival) => topic === `${WHO}/${run}`;
    let n = 0;
    // The listener may not have subscribed to questions yet.
    await becomesTrue(async () => {
      const question = { type: "who", from: "Eve", id: `${run}-${++n}` };
      await peer.publish(WHO, JSON.stringify(question));
      return peer.arrived.some(isAnswer);
    });
    const answer = JSON.parse(peer.arrived.find(isAnswer)!.text);
    const { type, from, ...rest } = answer;
    assertEquals([type, from], ["here", name[1] ?? "chat"]);
    const isOurs = isSigned(`${WHO}/${run}`, { type, name: from, ...rest });
    assertEquals(isOurs, name.length > 0);
    assertEquals((await listener.stop()).stderr.includes("$who"), false);
  }
}, [`${WHO}/+`]);

test("a wildcard hides $who, doesn't answer it", async ({ broker, peer }) => {
  const host = at(broker).slice(0, 2);
  const flags = ["-t", "chat/#", "--keep", "5"];
  for (const output of [[], ["--json"]]) {
    await using keeper = start("listener.ts", [...host, ...flags, ...output]);
    await keeper.stderr.line(/^Reading /);
    const question = { type: "who", from: "Eve", id: `${RUN}-1` };
    for (const topic of [WHO, `${WHO}/${RUN}`]) {
      await peer.publish(topic, JSON.stringify(question));
      await peer.publish(topic, '{"type":"here","from":"Eve"}');
      await peer.publish(topic, said("a room?", "Eve"));
      await peer.publish(topic, "text");
    }
    await peer.publish(TOPIC, said("end", "Eve"));
    await keeper.stdout.line(/end/);
    const { code, stdout } = await keeper.stop();
    assertEquals([code, stdout.trim().split("\n").length], [0, 1], stdout);
  }
  await peer.publish(TOPIC, "end");
  const arrived = await peer.until("end");
  const kept = arrived.map(({ topic }) => topic)
    .filter((topic) => topic.endsWith("/$history"));
  assertEquals([...new Set(kept)], [`${TOPIC}/$history`]);
  const isAnswer = ({ text }: Arrival) => text.includes('"type":"here"');
  assertEquals(arrived.filter(isAnswer).length, 4);
}, ["chat/#"]);
