import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  type ListenerOptions,
  parseListenerArgs,
} from "../../lib/cli/options.ts";
import { UsageError } from "../../lib/cli/flags.ts";
import {
  findPassword,
  openFileWarnings,
  openLog,
  readPeople,
  readTlsFiles,
  useColor,
  writeSecret,
} from "../../lib/cli/permissions.ts";
import { TextFile } from "../support/keys.ts";

const VARIABLE = "MQTT_PASSWORD";
const PATH = "LICENSE";

/** A file that says what a PEM file says: -----BEGIN CERTIFICATE----- */
const SELF = "tests/cli/permissions_test.ts";
const FILES = { read: true, write: true };
const ENV_AND_FILE = { env: [VARIABLE], read: [PATH] };

function test(
  name: string,
  permissions: Deno.PermissionOptions,
  fn: () => Promise<void>,
) {
  Deno.test({ name, permissions, fn });
}

function optionsOf(...args: string[]): ListenerOptions {
  const request = parseListenerArgs(args);
  if (request.action !== "run") throw new Error(request.action);
  return request.options;
}

const passwordFor = (...args: string[]) => findPassword(optionsOf(...args));

/** Fails unless each call is refused with a message that has the text. */
async function assertRefused(calls: Record<string, () => Promise<unknown>>) {
  for (const [text, call] of Object.entries(calls)) {
    await assertRejects(call, UsageError, text);
  }
}

test("password: where it comes from", "none", async () => {
  const longest = `${"é".repeat(32_767)}x`;
  const cases: [args: string[], password: string | undefined][] = [
    [[], "chat"],
    [["-u", "chat"], "chat"],
    [["-P", "x"], "x"],
    [["-P", longest], longest],
    [["-u", "ann", "-P", "x"], "x"],
    [["-h", "mqtt://ann:x@a"], undefined],
    // The second broker's URL has none.
    [["-h", "mqtt://chat:x@a", "-h", "b"], "chat"],
    [["--anonymous"], undefined],
  ];
  for (const [args, password] of cases) {
    assertEquals(await passwordFor(...args), password);
  }
  await assertRefused({
    "the password takes 65536 bytes; 65535 is the limit.": () =>
      passwordFor("-P", "é".repeat(32_768)),
  });
});

test("password: in the environment, or a file", ENV_AND_FILE, async () => {
  const [firstLine] = (await Deno.readTextFile(PATH)).split("\n", 1);
  const cases: [env: string, args: string[], password?: string][] = [
    ["from env", ["--password-file", PATH], firstLine],
    ["from env", [], "from env"],
    ["from env", ["-u", "ann"], "from env"],
    ["from env", ["-P", "x"], "x"],
    ["from env", ["--anonymous"]],
    ["", [], ""],
  ];
  try {
    for (const [env, args, password] of cases) {
      Deno.env.set(VARIABLE, env);
      assertEquals(await passwordFor(...args), password, args.join(" "));
    }
  } finally {
    Deno.env.delete(VARIABLE);
  }
  assertEquals(await passwordFor(), "chat");
});

test("files: none without permission", "none", () =>
  assertRefused({
    'reading --cafile "my ca" was not permitted; run with -R=my ca.': () =>
      readTlsFiles({ ca: "my ca" }),
    'writing --log "my log" was not permitted; run with -W=my log.': () =>
      openLog("my log"),
    '--log "a,b" can\'t be permitted: Deno reads its comma as the end of': () =>
      openLog("a,b"),
  }));

test("files: those for TLS, and of people", FILES, async () => {
  const self = await Deno.readTextFile(SELF);
  const begin = "-----BEGIN RSA PRIVATE KEY-----\n";
  await using key = new TextFile(begin);
  assertEquals(await readTlsFiles({}), {});
  assertEquals(
    await readTlsFiles({ ca: SELF, cert: SELF, key: key.path }),
    { ca: self, cert: self, key: begin },
  );
  // This file is a certificate of other tests, without that word.
  const kind = "encrypted".toUpperCase();
  await using locked = new TextFile(`${begin}Proc-Type: 4,${kind}\n`);
  await using people = new TextFile("x\n".repeat(11));
  const isKey = `"${key.path}" is a private key; it takes a certificate.`;
  await assertRefused({
    [`--cafile "${PATH}" does not fit: it takes a PEM file`]: () =>
      readTlsFiles({ ca: PATH }),
    '--key "gone.pem" can\'t be read: there is no such file.': () =>
      readTlsFiles({ cert: SELF, key: "gone.pem" }),
    '--cafile "tests" can\'t be read: ': () => readTlsFiles({ ca: "tests" }),
    "it takes a PEM file without a passphrase.": () =>
      readTlsFiles({ key: locked.path }),
    [`--cafile ${isKey}`]: () => readTlsFiles({ ca: key.path }),
    [`--cert ${isKey}`]: () => readTlsFiles({ cert: key.path }),
    "in line 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 1 more: each": () =>
      readPeople(people.path),
  });
});

test("secret: a new one is random, for its owner", FILES, async () => {
  const folder = await Deno.makeTempDir();
  const { write } = Deno.FsFile.prototype;
  const fault = (name: string, why: string) => {
    const path = `${folder}/${name}`;
    const message = `--new-secret "${path}" can't be written: ${why}`;
    return assertRefused({ [message]: () => writeSecret(path) });
  };
  try {
    const secrets = await Promise.all(["a", "b"].map(async (name) => {
      const path = `${folder}/${name}`;
      await writeSecret(path);
      const { mode } = await Deno.stat(path);
      if (mode !== null) assertEquals(mode & 0o777, 0o600);
      return await Deno.readTextFile(path);
    }));
    for (const secret of secrets) assertMatch(secret, /^[\w+/]{32}\n$/);
    assertEquals(new Set(secrets).size, 2);
    await fault("a", "there is such a file");
    await fault("none/a", "");
    // A full disk leaves no empty file.
    const full = new Error("No space left on device");
    Deno.FsFile.prototype.write = () => Promise.reject(full);
    await fault("c", "No space left on device.");
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    assertEquals(names.sort(), ["a", "b"]);
  } finally {
    Deno.FsFile.prototype.write = write;
    await Deno.remove(folder, { recursive: true });
  }
});

test("files: secrets and keys open to others are named", FILES, async () => {
  if (Deno.build.os === "windows") return;
  await using file = new TextFile("");
  const { path } = file;
  const cert = `--cert ${path} --cafile ${path} --people ${path}`;
  const cases: [flags: string, warnings: number][] = [
    [`--secret-file ${path}`, 1],
    [`--sign-key ${path}`, 1],
    [`--key ${path} ${cert}`, 1],
    [`--key ${path} ${cert} --secret-file ${path}`, 1],
    [`--people ${path}`, 0],
    ["--secret-file /dev/null", 0],
  ];
  const advice = `"${path}" is open to other users of this machine; type: ` +
    `chmod 600 ${path}`;
  for (const mode of [0o640, 0o620, 0o604, 0o601, 0o600, 0o700]) {
    await Deno.chmod(path, mode);
    const isOpen = (mode & 0o077) !== 0;
    for (const [flags, warnings] of cases) {
      const options = optionsOf(...flags.split(" "));
      const expected = Array(isOpen ? warnings : 0).fill(advice);
      assertEquals(await openFileWarnings(options), expected, flags);
    }
  }
  const blank = `${path} a`;
  await Deno.writeTextFile(blank, "", { mode: 0o640 });
  const [warning] = await openFileWarnings(optionsOf("--sign-key", blank));
  await Deno.remove(blank);
  assertMatch(warning, /; type: chmod 600 '\S+ a'$/);
});

Deno.test("colour: as chosen, or for a terminal without NO_COLOR", () => {
  for (const isTerminal of [true, false]) {
    for (const noColor of [true, false]) {
      const found = (["always", "never", "auto"] as const)
        .map((choice) => useColor(choice, isTerminal, noColor));
      assertEquals(found, [true, false, isTerminal && !noColor]);
    }
  }
});
