/**
 * Rooms with a secret as the scripts have them: what readers with it and
 * without it see.
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
import { Member } from "../support/members.ts";
import { Peer, said } from "../support/peers.ts";
import type { ChatNotice } from "../../lib/client.ts";
import { assertQuietSuccess, run, start } from "../support/processes.ts";
import { SECRET, SecretFile } from "../support/secret_file.ts";

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
  const closed = "== A payload is sealed with another secret, for another " +
    "room, or changed since.";
  const unsealed = [
    "(unsealed) cy: three",
    `(unsealed) -- ${timeoutNotice("ann")}`,
    "(unsealed) ?? 21.5",
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
  assertMatch(run1, /^== [12] sealed payloads? \(--secret-file FILE opens /);
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
  const { from, notice } = will.payload as ChatNotice;
  assertEquals([from, notice], ["ann", timeoutNotice("ann")]);
  assertEquals([will.sealed, will.check], [true, "valid"]);
  for (const _ of [1, 2]) {
    const { from, sealed } = JSON.parse((await peer.next()).text);
    assertEquals([from, typeof sealed], ["sealed", "string"]);
  }
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
    "== A payload is sealed in version 2, which is not known here.",
  ]);
});
