/**
 * Rooms with a secret: what readers with it and without it see, how the scripts
 * are given it, and that it shows nowhere. A process with a secret takes a
 * quarter of a second to derive its key, so few of them play many scenes.
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { decode, joinNotice, timeoutNotice } from "../../lib/protocol.ts";
import { RoomSeal } from "../../lib/seal.ts";
import { at, openBroker, TOPIC } from "../support/brokers.ts";
import { gate, NO_TMUX } from "../support/gates.ts";
import {
  linesOf,
  nextPayload,
  type Peer,
  roomTests,
  said,
} from "../support/peers.ts";
import {
  assertEnds,
  assertOneLine,
  assertQuietSuccess,
  listening,
  type ProcessOptions,
  ROOT,
  run,
} from "../support/processes.ts";
import { Terminal } from "../support/tmux.ts";
import { SECRET, SecretFile } from "../support/keys.ts";

const test = roomTests("sealed");

test("readers with the secret, another, and none", async ({ broker, peer }) => {
  await using file = new SecretFile();
  await using other = new SecretFile("another secret, also long\n");
  const silent = at(broker, "--no-announce");
  await using json = await listening([...silent, "--json", ...file.flag], file);
  await using none = await listening(silent);
  await using bob = await listening([...silent, ...other.flag], other);
  await using ann = await listening(
    at(broker, "-n", "ann", ...file.flag),
    file,
  );
  // The second line is too large, the third just not.
  const long = "two ".padEnd(48_800, "o");
  const publisher = at(broker, "-n", "cy", ...file.flag);
  const stdin = `one\n${"x".repeat(49_000)}\n${long}\n`;
  assertEnds(
    await run("publisher.ts", publisher, { ...file, stdin }),
    5,
    /^publisher: Line 2 was not sent\. The message takes 65\d{3} bytes with its envelope, the limit is 65536;[^\n]*\n$/,
  );
  await ann.stdout.line(/ cy: two /);
  // A forgery, another version of the seal, and what ends the run.
  await peer.publish(TOPIC, said("three", "cy"));
  const notice = timeoutNotice("ann");
  const forged = { type: "notice", from: "ann", notice };
  await peer.publish(TOPIC, JSON.stringify(forged));
  await peer.publish(TOPIC, JSON.stringify({ sealed: "Ag" }));
  await peer.publish(TOPIC, "21.5");
  for (const process of [ann, json, none, bob]) {
    await process.stdout.line(/21\.5/);
  }
  // Its will is sealed.
  const toAnn = linesOf(await ann.stop("SIGKILL"));
  await json.stdout.line(/timed out.*"sealed":true/);
  const outcomes = [await json.stop(), await none.stop(), await bob.stop()];
  for (const { code, stderr } of outcomes) assertEquals(code, 0, stderr);
  const version =
    "== A payload is sealed in version 2, which is not known here.";
  const unsealed = ["(unsealed) cy: three", `(unsealed) -- ${notice}`, version];
  unsealed.push("(unsealed) ?? 21.5");
  const joined = `-- ${joinNotice("ann", TOPIC)}`;
  assertEquals(toAnn, [joined, "cy: one", `cy: ${long}`, ...unsealed]);
  const [toJson, toNone, toBob] = outcomes;
  const closed = "== A payload is sealed with another secret, for another " +
    "room, or changed since.";
  const toOther = [closed, closed, closed, ...unsealed];
  assertEquals(linesOf(toBob).slice(0, 7), toOther);
  const [first, ...rest] = linesOf(toNone);
  assertMatch(first, /^== \d sealed payloads? \(--secret-file FILE opens /);
  assertStringIncludes(rest.join("\n"), "cy: three\n-- User ann timed out.");
  assertFalse(toNone.stdout.includes("unsealed"), toNone.stdout);
  const objects = toJson.stdout.trim().split("\n")
    .map((line) => JSON.parse(line));
  assertEquals(
    objects.slice(0, 8).map(({ type, text, sealed }) => [type, text, sealed]),
    [
      ["notice", joinNotice("ann", TOPIC), true],
      ["message", "one", true],
      ["message", long, true],
      ["message", "three", false],
      ["notice", notice, false],
      ["sealed", undefined, true],
      ["malformed", "21.5", false],
      ["notice", notice, true],
    ],
  );
  assertEquals(objects[7].signature, "valid");
  const wire = [];
  while (wire.length < 8) wire.push(await nextPayload(peer));
  for (const { from, sealed } of [wire[0], wire[1], wire.at(-1)]) {
    assertEquals([from, typeof sealed], ["sealed", "string"]);
  }
});

Deno.test("sealed: nothing of it is loaded without a secret", async () => {
  await using broker = await openBroker();
  const folder = await Deno.makeTempDir();
  try {
    assertQuietSuccess(
      await run("publisher.ts", at(broker, "-m", "hi"), {
        // Deno writes down each module that it runs.
        env: { DENO_COVERAGE_DIR: folder },
      }),
    );
    const modules = Array.from(
      Deno.readDirSync(folder),
      ({ name }) => JSON.parse(Deno.readTextFileSync(`${folder}/${name}`)).url,
    );
    const isLoaded = (path: string) => {
      assert(Deno.statSync(new URL(path, ROOT)).isFile);
      return modules.some((url) => url.endsWith(`/${path}`));
    };
    assert(isLoaded("lib/client.ts"));
    assertFalse(isLoaded("lib/seal.ts"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const VARIABLE = "MQTT_CHAT_SECRET";
/** The variable, and the permissions with which it is read. */
const FROM_ENV = {
  permissions: ["-N", `-E=${VARIABLE}`],
  env: { [VARIABLE]: SECRET },
};

// One for all tests: deriving its key takes a quarter of a second.
const SEAL = new RoomSeal(SECRET);

/** The next message of the room, and whether the secret has sealed it. */
async function nextMessage(peer: Peer) {
  const wire = await nextPayload(peer);
  if (wire.sealed === undefined) return [wire.message, false];
  const inner = SEAL.open(TOPIC, wire.sealed);
  if (typeof inner === "string") return [inner, true];
  const payload = decode(inner);
  return payload.type === "message" ? [payload.message, true] : [payload, true];
}

test("by a file of any system, or a variable", async ({ broker, peer }) => {
  await using file = new SecretFile(`\ufeff${SECRET}\r\n\nx\n`);
  const { env } = FROM_ENV;
  const cases: [text: string, flags: string[], options: ProcessOptions][] = [
    ["of a file", file.flag, file],
    ["of the environment", ["--sealed"], FROM_ENV],
    // Without the permission the variable is not seen.
    ["plain", [], { env }],
  ];
  for (const [text, flags, options] of cases) {
    const args = at(broker, ...flags, "-m", text);
    assertQuietSuccess(await run("publisher.ts", args, options));
    assertEquals(await nextMessage(peer), [text, text !== "plain"]);
  }
});

test("an unusable secret is one line", async ({ broker, peer }) => {
  await using file = new SecretFile();
  await using empty = new SecretFile("\nsecond line\n");
  await using binary = new SecretFile(Uint8Array.of(0xff, 0xfe, 65, 10));
  const { env } = FROM_ENV;
  const gone = { permissions: ["-N", "-R=gone"] };
  const both = { permissions: [...file.permissions, `-E=${VARIABLE}`], env };
  const nothing = { ...both, env: { [VARIABLE]: "" } };
  const cases: [flags: string[], said: RegExp, options?: ProcessOptions][] = [
    [file.flag, / ".*" was not permitted; run with -R=\/.*\. Type: deno run/],
    [["--secret-file", "gone"], /"gone" can't be read: there is no s/, gone],
    [empty.flag, /secret of --secret-file is empty\./, empty],
    [binary.flag, /it takes a text in UTF-8\./, binary],
    [["--secret"], /--secret asks on a terminal, and there is no/],
    [file.flag, /give --secret-file or MQTT_CHAT_SECRET, not both\./, both],
    [["--secret"], /give --secret or MQTT_CHAT_SECRET, not both\./, both],
    [[], /the secret of MQTT_CHAT_SECRET is empty\./, nothing],
    [["--sealed"], /a secret: --secret-file, --secret, or MQTT_CHAT_S/, {
      env,
    }],
  ];
  for (const [flags, said, options] of cases) {
    const args = at(broker, "-m", "hi", ...flags);
    const outcome = await run("publisher.ts", args, options);
    assertOneLine(outcome, 2, said);
    assertFalse(outcome.stderr.includes("horse"));
  }
  const listener = await run("listener.ts", at(broker, "--sealed"));
  assertOneLine(listener, 2, /--sealed needs a s/);
  await peer.publish(TOPIC, "end");
  assertEquals(await peer.until("end"), []);
});

test("--secret-file takes that of --new-secret", async ({ broker, peer }) => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/room.secret`;
  try {
    const make = ["-m", "hi", ...at(broker, "--new-secret", path)];
    const write = { permissions: [`-W=${path}`] };
    const made = await run("publisher.ts", make, write);
    assertEquals([made.code, made.stdout], [0, ""], made.stderr);
    const secret = await Deno.readTextFile(path);
    assertFalse(made.stderr.includes(secret.trim()));
    const [, next] = /^"[^\n]+ Type: deno run (.+)\n$/.exec(made.stderr)!;
    const words = next.split(" ");
    const end = words.indexOf("publisher.ts");
    const permissions = words.slice(0, end);
    const args = words.slice(end + 1);
    assertQuietSuccess(await run("publisher.ts", args, { permissions }));
    assertEquals(typeof (await nextPayload(peer)).sealed, "string");
    const again = await run("publisher.ts", make, write);
    assertOneLine(again, 2, /there is such a file, which stays as it is\./);
    assertEquals(await Deno.readTextFile(path), secret);
    const denied = await run("publisher.ts", make);
    const command = `deno run -W=${path} publisher.ts --message hi --host `;
    assertOneLine(denied, 2, RegExp(`run with -W=${path}. Type: ${command}`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

test("a short, open secret gets two warnings", async ({ broker, peer }) => {
  const short = "elevenchars";
  await using file = new SecretFile(short);
  const isWindows = Deno.build.os === "windows";
  if (!isWindows) await Deno.chmod(file.path, 0o640);
  const args = at(broker, ...file.flag, "--quiet", "--sealed", "-m", "hi");
  const outcome = await run("publisher.ts", args, file);
  const said = outcome.stderr.split("\n").filter(Boolean).sort();
  assertEquals([outcome.code, said.length], [0, isWindows ? 1 : 2]);
  if (!isWindows) {
    const open = `"${file.path}" is open to other users of this machine; `;
    assertEquals(said.shift(), `${open}type: chmod 600 ${file.path}`);
  }
  assertMatch(said[0], /^The secret has less than 12 characters/);
  assertFalse(outcome.stderr.includes(short));
  assertEquals(typeof (await nextPayload(peer)).sealed, "string");
});

Deno.test("sealed: the secret and its keys show nowhere", async () => {
  await using broker = await openBroker();
  await using file = new SecretFile();
  const assertHidden = (text: string) => {
    for (const part of hiddenTexts()) assertFalse(text.includes(part), text);
  };
  const flags = at(broker, "--debug");
  const args = [...flags, ...file.flag];
  await using listener = await listening([...args, "--json"], file);
  // What `ps` shows.
  assertHidden(listener.systemStatus("cmdline"));
  const sent = await run("publisher.ts", [...flags, "-m", "hi"], FROM_ENV);
  assertEquals(sent.code, 0, sent.stderr);
  const read = await listener.stop("SIGINT");
  assertEquals(read.code, 0, read.stderr);
  assertHidden(read.stdout + read.stderr + sent.stderr);
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
  const bytes = [...root].slice(0, 4).join(", ");
  return [SECRET, "horse", bytes].concat(
    [btoa(SECRET), root.toHex(), root.toBase64()].map((it) => it.slice(0, 12)),
  );
}

const inTmux = roomTests("sealed", gate(NO_TMUX));

inTmux("--secret asks without echo", async ({ broker, peer }) => {
  await using terminal = await Terminal.open();
  const deno = `${Deno.execPath()} run -N --no-prompt publisher.ts`;
  const command = `clear; ${deno} ${at(broker, "--secret").join(" ")} -n ann`;
  await terminal.enter(command);
  await terminal.until("Secret of the room:");
  await terminal.enter(`wrong\x15${SECRET}`);
  await terminal.until(/^ann>/m);
  await terminal.enter("hi");
  await terminal.until("✓ sent");
  assertEquals(await nextMessage(peer), ["hi", true]);
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
});
