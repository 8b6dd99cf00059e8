/**
 * Rooms with a secret as the scripts have them: where the secret comes from,
 * what readers with it and without it see, and that it shows nowhere.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { joinNotice, timeoutNotice } from "../../lib/protocol.ts";
import { at, openBroker, TOPIC } from "../support/brokers.ts";
import { Member, textOf } from "../support/members.ts";
import { Peer, said } from "../support/peers.ts";
import {
  assertOneLine,
  assertQuietSuccess,
  run,
  start,
} from "../support/processes.ts";
import { SECRET, SecretFile } from "../support/secret_file.ts";
import { openTerminal, test as onTerminal } from "../support/prompt_scene.ts";

const VARIABLE = "MQTT_CHAT_SECRET";

/** A listener's lines without their times. */
const plain = (stdout: string) =>
  stdout.split("\n").slice(0, -1).map((line) =>
    line.replace(/^\d\d:\d\d:\d\d /, "")
  );

Deno.test("sealed: readers with the secret, without, with another, side by side", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  await using file = new SecretFile();
  await using other = new SecretFile("another secret, also long\n");
  const listener = (
    name: string,
    options: { permissions?: string[] },
    ...args: string[]
  ) => start("listener.ts", at(broker, "-n", name, ...args), options);
  await using ann = listener("ann", file, ...file.flag);
  await ann.stdout.line(/ann is now subscribed/);
  await using json = listener(
    "json",
    file,
    ...[...file.flag, "--json", "--no-announce"],
  );
  await using none = listener("none", {}, "--no-announce");
  await using bob = listener("bob", other, ...other.flag, "--no-announce");
  for (const process of [json, none, bob]) {
    await process.stderr.line(/^Reading/);
  }
  for (const message of ["one", "two"]) {
    assertQuietSuccess(
      await run(
        "publisher.ts",
        at(broker, "-n", "cy", ...file.flag, "-m", message),
        file,
      ),
    );
  }
  await ann.stdout.line(/ cy: two$/);
  // A forgery, and what ends the run.
  await peer.publish(TOPIC, said("three", "cy"));
  await peer.publish(
    TOPIC,
    JSON.stringify({
      type: "notice",
      from: "ann",
      notice: timeoutNotice("ann"),
    }),
  );
  await peer.publish(TOPIC, "21.5");
  for (const process of [ann, json, none, bob]) {
    await process.stdout.line(/21\.5/);
    process.signal("SIGINT");
  }
  const outcomes = await Promise.all(
    [ann, json, none, bob].map((process) => process.outcome()),
  );
  for (const { code, stderr } of outcomes) assertEquals(code, 0, stderr);
  const [toAnn, toJson, toNone, toBob] = outcomes.map(({ stdout }) => stdout);
  const closed =
    "?? sealed with another secret, for another room, or changed since";
  const unsealed = [
    "(unsealed) cy: three",
    `(unsealed) -- ${timeoutNotice("ann")}`,
    "(unsealed) ?? 21.5 (not a JSON object)",
  ];
  assertEquals(plain(toAnn), [
    `-- ${joinNotice("ann", TOPIC)}`,
    "cy: one",
    "cy: two",
    ...unsealed,
    `-- User ann disconnecting from ${TOPIC}.`,
  ]);
  assertEquals(plain(toBob).slice(0, 5), [closed, closed, ...unsealed]);
  // Ann's good-bye may come before its own.
  const [run1, ...rest] = plain(toNone);
  assertMatch(run1, /^\?\? [12] sealed payloads? \(--secret-file FILE opens /);
  assertStringIncludes(rest.join("\n"), "cy: three\n-- User ann timed out.");
  assertFalse(toNone.includes("unsealed"), toNone);
  const objects = toJson.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(
    objects.slice(0, 5).map(({ type, text, sealed }) => [type, text, sealed]),
    [
      ["message", "one", true],
      ["message", "two", true],
      ["message", "three", false],
      ["notice", "User ann timed out.", false],
      ["malformed", "21.5", false],
    ],
  );
});

Deno.test("sealed: a listener that is killed leaves a sealed will", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  await using member = await Member.connect(broker, { secret: SECRET });
  await member.client.join([TOPIC]);
  await using file = new SecretFile();
  await using ann = start(
    "listener.ts",
    at(broker, "-n", "ann", ...file.flag),
    file,
  );
  await ann.stdout.line(/now subscribed/);
  ann.signal("SIGKILL");
  const [, will] = await member.received.take(2);
  assertEquals([will.payload, will.sealed], [{
    type: "notice",
    from: "ann",
    notice: timeoutNotice("ann"),
  }, true]);
  for (const _ of [1, 2]) {
    const { from, sealed } = JSON.parse((await peer.next()).text);
    assertEquals([from, typeof sealed], ["sealed", "string"]);
  }
});

Deno.test("sealed: the secret from a file, as each system writes it, and the environment", async () => {
  await using broker = await openBroker();
  await using member = await Member.connect(broker, { secret: SECRET });
  await member.client.join([TOPIC]);
  for (const content of [SECRET, `\ufeff${SECRET}\r\n`, `${SECRET}\n\nx\n`]) {
    await using file = new SecretFile(content);
    assertQuietSuccess(
      await run("publisher.ts", at(broker, ...file.flag, "-m", "hi"), file),
    );
  }
  assertQuietSuccess(
    await run("publisher.ts", at(broker, "-m", "hi"), {
      permissions: ["-N", `-E=${VARIABLE}`],
      env: { [VARIABLE]: SECRET },
    }),
  );
  // Where it may not be read, nobody knows that it is there.
  assertQuietSuccess(
    await run("publisher.ts", at(broker, "-m", "plain"), {
      env: { [VARIABLE]: SECRET },
    }),
  );
  const received = await member.received.take(5);
  assertEquals(received.map(textOf), ["hi", "hi", "hi", "hi", "plain"]);
  assertEquals(received.map(({ sealed }) => sealed), [
    ...[true, true, true, true],
    false,
  ]);
});

Deno.test("sealed: a secret that can't be used is one line, and sends nothing", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  await using file = new SecretFile();
  await using empty = new SecretFile("\nsecond line\n");
  await using binary = new SecretFile(Uint8Array.of(0xff, 0xfe, 65, 10));
  const env = { [VARIABLE]: SECRET };
  const withEnv = [...file.permissions, `-E=${VARIABLE}`];
  const send = (flags: string[], permissions: string[], more = {}) =>
    run("publisher.ts", at(broker, "-m", "hi", ...flags), {
      permissions,
      ...more,
    });
  const cases: [ReturnType<typeof run>, RegExp][] = [
    [
      send(file.flag, ["-N"]),
      /reading --secret-file ".*" was not permitted; run with -R=\/.*\.\n/,
    ],
    [
      send(["--secret-file", "gone"], ["-N", "-R=gone"]),
      /--secret-file "gone" can't be read: there is no such file\./,
    ],
    [send(empty.flag, empty.permissions), /secret of --secret-file is empty\./],
    [send(binary.flag, binary.permissions), /it takes a text in UTF-8\./],
    [
      send(["--secret"], ["-N"]),
      /--secret asks on a terminal, and there is no/,
    ],
    [
      send([...file.flag, "--secret"], file.permissions),
      /give --secret or --secret-file, not both\./,
    ],
    [
      send(file.flag, withEnv, { env }),
      /give --secret-file or MQTT_CHAT_SECRET, not both\./,
    ],
    [
      send(["--secret"], withEnv, { env }),
      /give --secret or MQTT_CHAT_SECRET, not both\./,
    ],
    [
      send([], withEnv, { env: { [VARIABLE]: "" } }),
      /the secret of MQTT_CHAT_SECRET is empty\./,
    ],
    [send([`--secret=${SECRET}`], ["-N"]), /--secret takes no value/],
    [send(["--secret", SECRET], ["-N"]), /one argument belongs to no flag/],
  ];
  for (const [outcome, line] of cases) {
    assertOneLine(await outcome, 2, line);
    assertFalse((await outcome).stderr.includes("horse"));
  }
  await peer.publish(TOPIC, "end");
  assertEquals(await peer.until("end"), []);
});

Deno.test("sealed: a short secret is used, with one warning", async () => {
  await using broker = await openBroker();
  const short = "elevenchars";
  await using member = await Member.connect(broker, { secret: short });
  await member.client.join([TOPIC]);
  await using file = new SecretFile(short);
  const args = at(broker, ...file.flag, "--quiet", "-m", "hi");
  const { code, stderr } = await run("publisher.ts", args, file);
  assertEquals(code, 0);
  assertMatch(stderr, /^The secret has less than 12 characters[^\n]*\n$/);
  assertFalse(stderr.includes(short));
  assertEquals(textOf(await member.received.next()), "hi");
});

Deno.test("sealed: too large a line is refused with both numbers", async () => {
  await using broker = await openBroker();
  await using file = new SecretFile();
  const args = at(broker, ...file.flag);
  const stdin = `${"x".repeat(49_000)}\n${"x".repeat(48_800)}\n`;
  const { code, stderr } = await run("publisher.ts", args, { ...file, stdin });
  assertEquals(code, 5);
  assertMatch(
    stderr,
    /^publisher: Line 1 was not sent\. The message takes 65\d{3} bytes with its envelope, the limit is 65536;[^\n]*\n$/,
  );
});

Deno.test("sealed: the secret and the keys show nowhere", async () => {
  await using broker = await openBroker();
  await using file = new SecretFile();
  const hidden = hiddenTexts();
  const assertHidden = (text: string) => {
    for (const part of hidden) assertFalse(text.includes(part), text);
  };
  const fromEnv = {
    permissions: ["-N", `-E=${VARIABLE}`],
    env: { [VARIABLE]: SECRET },
  };
  for (const options of [file, fromEnv]) {
    const flags = options === file ? file.flag : [];
    await using listener = start(
      "listener.ts",
      at(broker, ...flags, "--debug", "--json"),
      options,
    );
    await listener.stdout.line(/now subscribed/);
    // What `ps` shows.
    assertHidden(listener.commandLine());
    // A lost connection, and one that never comes back, are told in full.
    const sent = await run(
      "publisher.ts",
      at(broker, ...flags, "--debug", "-m", "hi"),
      options,
    );
    assertEquals(sent.code, 0, sent.stderr);
    listener.signal("SIGINT");
    const { code, stdout, stderr } = await listener.outcome();
    assertEquals(code, 0, stderr);
    assertHidden(stdout + stderr + sent.stderr);
  }
  // Nowhere is an error of ours that names it, and a crash shows all it can.
  const crash = `
    import { ChatClient } from "./lib/client.ts";
    import { parsePublisherArgs } from "./lib/cli/options.ts";
    import { prepare, runScript } from "./lib/cli/script.ts";
    await runScript("publisher", Deno.args, parsePublisherArgs,
      async (options, { tell }) => {
        const { connect } = await prepare(options, tell);
        const client = await ChatClient.connect(connect);
        const all = { depth: 20, showHidden: true, getters: true };
        queueMicrotask(() => {
          throw new Error("It is " + Deno.inspect({ options, client }, all));
        });
        await new Promise(() => {});
      });
  `;
  const args = at(broker, ...file.flag, "--debug");
  const { stderr } = await run("-", args, { ...file, stdin: crash });
  assertMatch(stderr, /^publisher: This is a bug, please report it: It is \{/m);
  assertHidden(stderr);
});

/** The secret and its root key, as they might show. */
function hiddenTexts(): string[] {
  // By the specification's first vector, which has this secret.
  const root = Uint8Array.fromHex(
    "091f352a2cbea6d57726cbbcb2377a9d7f6982be9dc35419079a2b85ff1a0bca",
  );
  return [
    SECRET,
    "horse",
    btoa(SECRET).slice(0, 12),
    root.toHex().slice(0, 12),
    root.toBase64().slice(0, 12),
    [...root].slice(0, 4).join(", "),
  ];
}

Deno.test("sealed: nothing of it is loaded without a secret", async () => {
  await using broker = await openBroker();
  await using file = new SecretFile();
  for (const isSealed of [false, true]) {
    const folder = await Deno.makeTempDir();
    try {
      const flags = isSealed ? file.flag : [];
      assertQuietSuccess(
        await run("publisher.ts", at(broker, ...flags, "-m", "hi"), {
          permissions: file.permissions,
          // Deno writes down each module that it runs.
          env: { DENO_COVERAGE_DIR: folder },
        }),
      );
      const modules = await Promise.all(
        Array.from(Deno.readDirSync(folder), async ({ name }) => {
          const text = await Deno.readTextFile(`${folder}/${name}`);
          return JSON.parse(text).url as string;
        }),
      );
      const has = (path: string) => modules.some((url) => url.endsWith(path));
      assert(has("/lib/client.ts"));
      assertEquals(has("/lib/seal.ts"), isSealed);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
});

onTerminal(
  "sealed: --secret asks without echo and without a permission",
  async () => {
    await using broker = await openBroker();
    await using member = await Member.connect(broker, { secret: SECRET });
    await member.client.join([TOPIC]);
    await using stage = await openTerminal();
    const { terminal } = stage;
    const deno = `${Deno.execPath()} run -N --no-prompt publisher.ts`;
    const command = `clear; ${deno} ${at(broker, "--secret").join(" ")} -n ann`;
    await terminal.enter(command);
    await terminal.until("Secret of the room:");
    await terminal.enter(`wrong\x15${SECRET}`);
    await terminal.until(/^ann>/m);
    await terminal.enter("hi");
    await terminal.until("✓ sent");
    const { payload, sealed } = await member.received.next();
    assert(payload.type === "message");
    assertEquals([payload.message, sealed], ["hi", true]);
    assertFalse((await terminal.history()).includes("horse"));
    await terminal.press("C-d");
    await terminal.until(/^\$ *$/m);
    // So that the question awaited is not the one that is still there.
    await terminal.enter("clear");
    await terminal.until(/^\$\s*$/);
    await terminal.enter(command);
    await terminal.until("Secret of the room:");
    await terminal.press("C-c");
    await terminal.until("; --secret-file can give it");
  },
);

Deno.test("sealed: another version is told, never guessed", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await using file = new SecretFile();
  await using ann = start(
    "listener.ts",
    at(broker, "-C", "1", "--no-announce", ...file.flag),
    file,
  );
  await ann.stderr.line(/^Reading/);
  await peer.publish(TOPIC, JSON.stringify({ sealed: "Ag" }));
  const { stdout } = await ann.outcome();
  assertEquals(plain(stdout), [
    "?? sealed in version 2, which is not known here",
  ]);
});
