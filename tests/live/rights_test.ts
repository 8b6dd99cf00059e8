/**
 * What the scripts say, and how they end, where a real Mosquitto doesn't let
 * them do something: the whole of stderr, for MQTT 5 and 3.1.1. That they
 * don't say so where it does; and what rights docs/rooms.md gives to a keeper.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FaultProxy } from "../support/fault_proxy.ts";
import { gate, NO_MOSQUITTO } from "../support/gates.ts";
import { listen, send } from "../support/live.ts";
import { page } from "../support/markdown.ts";
import { Mosquitto } from "../support/servers.ts";
import { Peer, said } from "../support/peers.ts";
import {
  assertOneLine,
  assertQuietSuccess,
  type Outcome,
  run,
  start,
} from "../support/processes.ts";

const live = gate(NO_MOSQUITTO);

/** What the user chat may do in the rooms below each name. */
const ACL = [
  "user Server",
  "topic readwrite #",
  "user chat",
  "topic readwrite both/#",
  "topic read read/#",
  "topic write write/#",
];

const openMosquitto = (...extra: string[]) =>
  Mosquitto.start({ acl: ACL, extra });

type Version = "5" | "311";
const VERSIONS: Version[] = ["5", "311"];

/** Fails unless a script ended with a code, and stderr had these lines alone. */
function assertSaid(outcome: Outcome, code: number, lines: string[]) {
  const { code: end, stderr } = outcome;
  assertEquals([end, ...stderr.split("\n")], [code, ...lines, ""]);
}

const ASK = "Ask the broker's operator, or use another --username.";
const LACKS = `You can't use ROOM: user "chat" lacks rights there. ${ASK}`;
const WRITES = `You can't read ROOM: user "chat" may only write to it. ${ASK}`;
const DENIED = "HOST did not take a message for ROOM: not authorized.";
const READS = "No right to write to ROOM: others don't see you. Reading may " +
  `not work either. ${DENIED}`;

/** Each room: the listener's code and complaint, and the publisher's code. */
const DENIALS: [string, Version, number, string, number][] = [
  ["write/room", "5", 3, WRITES, 0],
  ["read/room", "5", 0, READS, 3],
  ["none/room", "5", 0, READS, 3],
  ["write/room", "311", 3, LACKS, 0],
  // An MQTT 3.1.1 broker acknowledges what it drops.
  ["read/room", "311", 3, LACKS, 0],
  ["none/room", "311", 3, LACKS, 0],
];

live("denied: reading, writing, or both, in every version", async () => {
  await using broker = await openMosquitto();
  const { host } = broker;
  await Promise.all(DENIALS.map(async ([room, version, code, text, sends]) => {
    const fill = (text: string) =>
      text.replaceAll("ROOM", room).replaceAll("HOST", host);
    const args = ["-h", host, "-t", room, "-V", version];
    await using publisher = start("publisher.ts", args);
    await publisher.write("a\n");
    // At a denial it ends although its input stays open.
    if (sends === 0) await publisher.endInput();
    await using listener = start("listener.ts", args);
    await listener.stderr.line(/^listener: /);
    assertSaid(await listener.stop(), code, [
      `Connected to ${host}.`,
      `Reading ${room} at QoS 1.`,
      fill(`listener: ${text}`),
    ]);
    const refusal = [fill(`publisher: Line 1 was not sent. ${DENIED}`)];
    assertSaid(await publisher.outcome(), sends, sends === 0 ? [] : refusal);
  }));
});

live("denied: a bad login, in every version", async () => {
  await using broker = await openMosquitto();
  const { host } = broker;
  for (const [user, password] of [["chat", "wrong"], ["nobody", "chat"]]) {
    const login = ["-h", host, "-u", user, "-P", password];
    const runs = ["listener", "publisher"].flatMap((script) =>
      VERSIONS.map(async (version) => {
        const outcome = await run(`${script}.ts`, [...login, "-V", version]);
        assertSaid(outcome, 3, [
          `${script}: ${host} refused the connection of user "${user}": not ` +
          "authorized. Check --username and --password.",
        ]);
      })
    );
    await Promise.all(runs);
  }
});

live("denied: what is too large, in every version", async () => {
  await using broker = await openMosquitto(
    "message_size_limit 1000",
    "max_packet_size 2000",
  );
  const { host } = broker;
  const room = ["-h", host, "-t", "both/room", "--quiet"];
  const notTaken = `was not sent. ${host} did not take a message for both/room`;
  // In 3.1.1 nothing tells this from a room that may not be written.
  const broke = `${notTaken}: the connection broke three times while only ` +
    "this was unanswered: it reset the connection.";
  const cases: [Version, size: number, code: number, end?: string][] = [
    ["5", 500, 0],
    ["5", 1500, 5, `${notTaken}: packet too large.`],
    [
      "5",
      3000,
      5,
      `was not sent. ${host} takes packets of 2000 bytes at most, this ` +
      "message needs 3NNN; send it in parts.",
    ],
    ["311", 500, 0],
    // Acknowledged, and dropped: 3.1.1 has no way to say so.
    ["311", 1500, 0],
    ["311", 3000, 3, broke],
  ];
  await Promise.all(cases.map(async ([version, size, code, end]) => {
    const args = [...room, "-V", version, "-m", "x".repeat(size)];
    const outcome = await run("publisher.ts", args);
    outcome.stderr = outcome.stderr.replace(/needs 3\d{3};/, "needs 3NNN;");
    assertSaid(outcome, code, end ? [`publisher: The message ${end}`] : []);
  }));
  // Around one that is too long, all of 200 lines are sent.
  const lines = Array(200).fill("a").with(99, "x".repeat(3_000));
  const stdin = lines.map((line) => `${line}\n`).join("");
  const pipe = await run("publisher.ts", [...room, "-V", "311"], { stdin });
  assertSaid(pipe, 5, [`publisher: Line 100 ${broke}`]);
});

/** Runs a listener for some seconds, in which it may complain of nothing. */
async function assertContent(seconds: number, args: string[]): Promise<void> {
  const all = [...args, "-W", `${seconds}`];
  const { code, stdout, stderr } = await run("listener.ts", all);
  assertEquals([code, stderr.match(/^listener: .*$/gm)], [0, null]);
  assertMatch(stdout, /now subscribed/);
}

/** The notice of a quiet room comes behind what another room has queued. */
async function checkQueue(version: Version): Promise<void> {
  await using broker = await openMosquitto();
  const args = ["-h", broker.host, "-V", version, "-c", "-i", "reader"];
  args.push("-t", "both/quiet", "-t", "both/busy");
  const quietly = [...args, "--no-announce", "-W", "0.1"];
  assertEquals((await run("listener.ts", quietly)).code, 0);
  await using peer = await Peer.connect(broker);
  const flood = Array.from(
    { length: 3_000 },
    (_, index) => peer.publish("both/busy", said(`${index}`)),
  );
  await Promise.all(flood);
  await assertContent(6, args);
}

/** Everything takes 0.6 s there and back. */
async function checkSlowLink(version: Version): Promise<void> {
  await using broker = await openMosquitto();
  await using proxy = await FaultProxy.start({ targetPort: broker.port });
  proxy.delay(300);
  // A broker that is slow to acknowledge is given ten times that.
  const args = ["-h", proxy.host, "-V", version, "-t", "both/room"];
  await assertContent(9, args);
}

live("denied: no user with rights, at a slow or busy broker", async () => {
  await Promise.all(VERSIONS.flatMap((version) => [
    checkQueue(version),
    checkSlowLink(version),
  ]));
});

live("anonymous: beside users without the default user", async () => {
  await using broker = await Mosquitto.start({
    anonymousBeside: ["Test"],
    acl: ["topic readwrite chat/#", "user Test", "topic readwrite test/#"],
  });
  const { host } = broker;
  const url = `mqtt://${host}/chat/room`;
  for (const version of VERSIONS) {
    const say = (...args: string[]) =>
      run("publisher.ts", [...args, "-V", version, "-m", "hi"]);
    assertOneLine(
      await say(url),
      3,
      /user "chat": not authorized\. Give .* with -u, .*: --anonymous\.$/m,
    );
    assertOneLine(await say(url, "-u", "chat"), 3, /Check --username and/);
    const test = `mqtt://Test:test@${host}/test/room`;
    assertQuietSuccess(await say(test));
    for (const none of [["--anonymous"], ["-u", ""]]) {
      const args = [url, ...none, "-V", version];
      await using listener = await listen([...args, "--count", "2"]);
      assertQuietSuccess(await say(url, ...none));
      assertQuietSuccess(await say(url, ...none, "-n", "Ada"));
      const { code, stdout } = await listener.outcome();
      assertEquals(code, 0);
      assertMatch(stdout, / chat: hi\n\S+ Ada: hi\n$/);
    }
    // Without a user, the rights are those of every client.
    const denied = await say(test, "--anonymous");
    if (version === "5") assertOneLine(denied, 3, /not authorized/);
  }
});

live("anonymous: without users, the default user, too", async () => {
  await using broker = await Mosquitto.start({ anonymousBeside: [] });
  const url = `mqtt://${broker.host}/chat/room`;
  const users = [[], ["--anonymous"], ["-u", ""], ["-u", "ann", "-P=x"]];
  for (const version of VERSIONS) {
    for (const user of users) {
      await send([url, ...user, "-V", version], [
        "hi",
      ]);
    }
  }
});

/** A user of the project's password file stands in for the keeper. */
const KEEPER = ["-u", "Server", "-P", "admin"];

/** The lines of docs/rooms.md, for that user. */
function aclOfPage(): string[] {
  const [acl = ""] = page("docs/rooms.md").blocks("acl");
  assert(acl.includes("\nuser keeper\n"), "the page has no rights");
  return acl.replace("user keeper", "user Server").trimEnd().split("\n");
}

/** What a user may write by those lines. */
const MAY_WRITE: [topic: string, may: boolean, ...login: string[]][] = [
  ["chat/room", true],
  ["chat/room/$history", false],
  // As the page says: of this room it can't be taken away.
  ["chat/$history", true],
  ["chat/red/team", false],
  ["chat/room/$who", true],
  ["chat/room/$who/AAAAAAAAAAAAAAAA", true],
  ["chat/room/$history", true, ...KEEPER],
  ["chat/room", false, ...KEEPER],
];

/**
 * What a newcomer reads of chat/room, until its own notice is there, after a
 * keeper has kept what Ada said.
 */
async function newcomer(broker: Mosquitto): Promise<string[]> {
  await using peer = await Peer.connect(broker, "chat/room/$history");
  const host = ["-h", broker.host];
  const keeping = [...host, ...KEEPER, "-t", "chat/#", "--keep", "9"];
  await using keeper = await listen(keeping);
  const room = [...host, "-t", "chat/room"];
  await send([...room, "-n", "Ada"], ["hello"]);
  assertMatch((await peer.next()).text, /"message":"hello"/);
  // In good order, and nothing was denied to it.
  assertEquals((await keeper.stop()).code, 0);
  await using reader = start("listener.ts", [...room, "--history", "9"]);
  await reader.stdout.line(/chat is now subscribed/);
  return reader.stdout.soFar.trim().split("\n").map((line) => line.slice(9));
}

const OWN = "-- User chat is now subscribed to chat/room.";

live("rights: the page's lines leave the history to the keeper", async () => {
  await using broker = await Mosquitto.start({ acl: aclOfPage() });
  await Promise.all(MAY_WRITE.map(async ([topic, may, ...login]) => {
    const args = ["-h", broker.host, "-t", topic, "-m", "x", ...login];
    const outcome = await run("publisher.ts", args);
    if (may) assertQuietSuccess(outcome);
    else assertOneLine(outcome, 3, /not authorized/);
  }));
  const history = ["== 1 message from before you came", "Ada: hello", "== now"];
  assertEquals(await newcomer(broker), [...history, OWN]);
});

live("rights: with `topic deny` no reader gets a history", async () => {
  const acl = [
    "user chat",
    "topic readwrite chat/#",
    "topic deny chat/+/$history",
    "user Server",
    "topic readwrite chat/#",
  ];
  await using broker = await Mosquitto.start({ acl });
  assertEquals(await newcomer(broker), [OWN]);
});
