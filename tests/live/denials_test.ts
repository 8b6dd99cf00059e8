/**
 * What the scripts say, and how they end, when a real Mosquitto doesn't let
 * them do something: the whole of stderr, for MQTT 5 and 3.1.1. And that they
 * don't say so where it does.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { FaultProxy } from "../support/fault_proxy.ts";
import { gate, NO_MOSQUITTO } from "../support/gates.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { Peer, said } from "../support/peers.ts";
import { run, start } from "../support/processes.ts";

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

/** Exactly what a script is to write to stderr, and its exit code. */
interface Told {
  code: number;
  stderr: string[];
}

/** The versions, as `-V` takes them. */
const VERSIONS = ["5", "311"] as const;

const ASK = "Ask the broker's operator, or use another --username.";

/** What a listener says of a room before it is ended. */
function readerOf(room: string, version: "5" | "311", host: string): Told {
  const head = [`Connected to ${host}.`, `Reading ${room} at QoS 1.`];
  if (version === "311") {
    const why =
      `listener: You can't use ${room}: user "chat" lacks rights there.`;
    return { code: 3, stderr: [...head, `${why} ${ASK}`] };
  }
  if (room.startsWith("write/")) {
    const why =
      `listener: You can't read ${room}: user "chat" may only write to it.`;
    return { code: 3, stderr: [...head, `${why} ${ASK}`] };
  }
  const refused = `listener: No right to write to ${room}: others don't see ` +
    `you. Reading may not work either. ${host} did not take a message for ` +
    `${room}: not authorized.`;
  return { code: 0, stderr: [...head, refused] };
}

/** Runs a listener until it has complained, and ends it. */
async function complaint(...args: string[]): Promise<Told> {
  await using listener = start("listener.ts", args);
  await listener.stderr.line(/^listener: /);
  listener.signal("SIGTERM");
  return told(await listener.outcome());
}

function told({ code, stderr }: { code: number; stderr: string }): Told {
  return { code, stderr: stderr.split("\n").slice(0, -1) };
}

live("denied: reading, writing, or both, in every version", async () => {
  await using broker = await openMosquitto();
  const { host } = broker;
  const rooms = ["write/room", "read/room", "none/room"];
  const cases = rooms.flatMap((room) =>
    VERSIONS.map((version) => ({ room, version }))
  );
  const readers = cases.map(({ room, version }) =>
    complaint("-h", host, "-t", room, "-V", version)
  );
  const writers = cases.map(async ({ room, version }) => {
    const args = ["-h", host, "-t", room, "-V", version, "-m", "hello"];
    return told(await run("publisher.ts", args));
  });
  for (const [index, { room, version }] of cases.entries()) {
    const what = `${room}, ${version}`;
    assertEquals(await readers[index], readerOf(room, version, host), what);
    // An MQTT 3.1.1 broker acknowledges what it drops.
    const isTold = version === "5" && !room.startsWith("write/");
    const refusal = `publisher: The message was not sent. ${host} did not ` +
      `take a message for ${room}: not authorized.`;
    assertEquals(
      await writers[index],
      isTold ? { code: 3, stderr: [refusal] } : { code: 0, stderr: [] },
      what,
    );
  }
});

live("denied: a pipe ends at the first line, in MQTT 5", async () => {
  await using broker = await openMosquitto();
  const { host } = broker;
  const args = ["-h", host, "-t", "read/room"];
  await using publisher = start("publisher.ts", args);
  await publisher.write("a\n"); // and its input stays open
  assertEquals(told(await publisher.outcome()), {
    code: 3,
    stderr: [
      `publisher: Line 1 was not sent. ${host} did not take a message for ` +
      "read/room: not authorized.",
    ],
  });
});

live("denied: bad logins and bad topics, in every version", async () => {
  await using broker = await openMosquitto();
  const { host } = broker;
  const login = (user: string) =>
    `${host} refused the connection of user "${user}": not authorized. ` +
    "Check --username and --password.";
  const cases: [args: string[], code: number, sentence: string][] = [
    [["-u", "chat", "-P", "wrong"], 3, login("chat")],
    [["-u", "nobody", "-P", "chat"], 3, login("nobody")],
    [
      ["-t", "a\tb"],
      2,
      '--topic "a\\tb" has a control character or another one that brokers ' +
      "refuse. Try --help.",
    ],
  ];
  await Promise.all(
    cases.flatMap(([args, code, sentence]) =>
      VERSIONS.flatMap((version) =>
        ["listener", "publisher"].map(async (script) => {
          const all = ["-h", host, "-V", version, ...args];
          const outcome = await run(`${script}.ts`, all, { stdin: "a\n" });
          const stderr = [`${script}: ${sentence}`];
          assertEquals(told(outcome), { code, stderr }, all.join(" "));
        })
      )
    ),
  );
});

live("denied: what is too large, in every version", async () => {
  await using broker = await openMosquitto(
    "message_size_limit 1000",
    "max_packet_size 2000",
  );
  const { host } = broker;
  const notTaken = `publisher: The message was not sent. ${host} did not ` +
    "take a message for both/room: ";
  // In 3.1.1 nothing tells this from a room that may not be written.
  const broke = notTaken + "the connection broke three times while only this " +
    "was unanswered: it reset the connection.";
  const tooLarge = new RegExp(
    `^publisher: The message was not sent\\. ${RegExp.escape(host)} takes ` +
      "packets of 2000 bytes at most, this message needs 3\\d{3}; send it in " +
      "parts\\.$",
  );
  const cases: [version: "5" | "311", size: number, code: number][] = [
    ["5", 500, 0],
    ["5", 1500, 5],
    ["5", 3000, 5],
    ["311", 500, 0],
    // Acknowledged, and dropped: 3.1.1 has no way to say so.
    ["311", 1500, 0],
    ["311", 3000, 3],
  ];
  const outcomes = await Promise.all(cases.map(async ([version, size]) => {
    const args = ["-h", host, "-t", "both/room", "-V", version, "--quiet"];
    const message = ["-m", "x".repeat(size)];
    return told(await run("publisher.ts", [...args, ...message]));
  }));
  const codes = outcomes.map(({ code }) => code);
  assertEquals(codes, cases.map(([, , code]) => code));
  const said = outcomes.map(({ stderr }) =>
    stderr.map((line) => tooLarge.test(line) ? "too large" : line)
  );
  assertEquals(said, [
    [],
    [`${notTaken}packet too large.`],
    ["too large"],
    [],
    [],
    [broke],
  ]);
});

live(
  "denied: of 200 lines in 3.1.1, only the one that is too long",
  async () => {
    await using broker = await openMosquitto("max_packet_size 2000");
    const { host } = broker;
    const lines = Array.from({ length: 200 }, (_, i) => `${i + 1}\n`);
    lines[99] = "x".repeat(3_000) + "\n";
    const args = ["-h", host, "-t", "both/room", "-V", "311"];
    const outcome = await run("publisher.ts", args, { stdin: lines.join("") });
    const { code, stderr } = told(outcome);
    assertEquals(code, 5);
    const failed = stderr.filter((line) => line.startsWith("publisher:"));
    assertEquals(failed, [
      `publisher: Line 100 was not sent. ${host} did not take a message for ` +
      "both/room: the connection broke three times while only this was " +
      "unanswered: it reset the connection.",
    ]);
  },
);

/** Runs a listener for some seconds, in which it may complain of nothing. */
async function assertContent(seconds: number, args: string[]): Promise<void> {
  const all = [...args, "-W", `${seconds}`];
  const { code, stdout, stderr } = await run("listener.ts", all);
  const complaints = stderr.match(/^listener: .*$/gm) ?? [];
  assertEquals({ code, complaints }, { code: 0, complaints: [] });
  assertMatch(stdout, /now subscribed/);
}

/** The notice of a quiet room comes behind what another room has queued. */
async function checkQueue(version: "5" | "311"): Promise<void> {
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
async function checkSlowLink(version: "5" | "311"): Promise<void> {
  await using broker = await openMosquitto();
  await using proxy = await FaultProxy.start({ targetPort: broker.port });
  proxy.delay(300);
  // A broker that is slow to acknowledge is given ten times that.
  const args = ["-h", proxy.host, "-V", version, "-t", "both/room"];
  await assertContent(9, args);
}

live("denied: no user who may, under load and over a slow link", async () => {
  const checks = VERSIONS.flatMap((version) => [
    checkQueue(version),
    checkSlowLink(version),
  ]);
  await Promise.all(checks);
});
