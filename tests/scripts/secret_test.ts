/**
 * The secret of a room as the scripts are given it: from a file, the
 * environment or the terminal; and that it shows nowhere.
 */

import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { at, openBroker, TOPIC } from "../support/brokers.ts";
import { Member, textOf } from "../support/members.ts";
import { Peer } from "../support/peers.ts";
import {
  assertOneLine,
  assertQuietSuccess,
  type ProcessOptions,
  run,
  start,
} from "../support/processes.ts";
import { SECRET, SecretFile } from "../support/secret_file.ts";
import { openTerminal, test as onTerminal } from "../support/prompt_scene.ts";

const VARIABLE = "MQTT_CHAT_SECRET";

Deno.test("secret: from a file, as each system writes it, and the environment", async () => {
  await using broker = await openBroker();
  await using member = await Member.connect(broker, { secret: SECRET });
  await member.client.join([TOPIC]);
  for (const content of [`\ufeff${SECRET}\r\n`, `${SECRET}\n\nx\n`]) {
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
  // Without the permission the variable is not seen.
  assertQuietSuccess(
    await run("publisher.ts", at(broker, "-m", "plain"), {
      env: { [VARIABLE]: SECRET },
    }),
  );
  const received = await member.received.take(4);
  assertEquals(received.map(textOf), ["hi", "hi", "hi", "plain"]);
  assertEquals(received.map(({ sealed }) => sealed), [
    ...[true, true, true],
    false,
  ]);
});

Deno.test("secret: one that can't be used is one line, and sends nothing", async () => {
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
      /reading --secret-file ".*" was not permitted; run with -R=\/.*\. Type: /,
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

Deno.test("secret: --new-secret makes one that --secret-file takes", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/room.secret`;
  try {
    await using broker = await openBroker();
    const make = ["-m", "hi", ...at(broker, "--new-secret", path)];
    const write = { permissions: [`-W=${path}`] };
    const made = await run("publisher.ts", make, write);
    assertEquals([made.code, made.stdout], [0, ""], made.stderr);
    const secret = await Deno.readTextFile(path);
    assertFalse(made.stderr.includes(secret.trim()));
    const [, next] = /^"[^\n]+ Type: deno run (.+)\n$/.exec(made.stderr)!;
    const words = next.split(" ");
    const end = words.indexOf("publisher.ts");
    await using member = await Member.connect(broker, {
      secret: secret.trim(),
    });
    await member.client.join([TOPIC]);
    assertQuietSuccess(
      await run("publisher.ts", words.slice(end + 1), {
        permissions: words.slice(0, end),
      }),
    );
    const { payload, sealed } = await member.received.next();
    assertEquals([payload.type, sealed], ["message", true]);
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

Deno.test("secret: with --sealed, nothing is sent without one", async () => {
  await using broker = await openBroker();
  await using file = new SecretFile();
  const send = (script: string, flags: string[], options: ProcessOptions) =>
    run(script, at(broker, ...flags, "--sealed"), options);
  const env = { [VARIABLE]: SECRET };
  const readable = { permissions: ["-N", `-E=${VARIABLE}`], env };
  for (const options of [{}, { env }]) {
    assertOneLine(
      await send("publisher.ts", ["-m", "hi"], options),
      2,
      /--sealed needs a secret: --secret-file, --secret, or MQTT_CHAT_SECRET \(/,
    );
  }
  assertOneLine(
    await send("listener.ts", [], { env }),
    2,
    /--sealed needs a s/,
  );
  assertQuietSuccess(await send("publisher.ts", ["-m", "hi"], readable));
  assertQuietSuccess(
    await send("publisher.ts", ["-m", "hi", ...file.flag], file),
  );
});

Deno.test("secret: a file that others may read gets one warning", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using broker = await openBroker();
  await using file = new SecretFile();
  await Deno.chmod(file.path, 0o640);
  const args = at(broker, ...file.flag, "--quiet", "-m", "hi");
  assertEquals(await run("publisher.ts", args, file), {
    code: 0,
    stdout: "",
    stderr: `"${file.path}" is open to other users of this machine; type: ` +
      `chmod 600 ${file.path}\n`,
  });
});

Deno.test("secret: a short one is used, with one warning", async () => {
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

Deno.test("secret: it and its keys show nowhere", async () => {
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

onTerminal(
  "secret: --secret asks without echo and without a permission",
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
