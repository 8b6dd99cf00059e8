import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { parseListenerArgs } from "../../lib/cli/options.ts";
import { UsageError } from "../../lib/cli/flags.ts";
import {
  findPassword,
  openFileWarnings,
  openLog,
  readTlsFiles,
  useColor,
  writeSecret,
} from "../../lib/cli/permissions.ts";
import { TextFile } from "../support/keys.ts";

const VARIABLE = "MQTT_PASSWORD";

const FILE = new URL("../../LICENSE", import.meta.url);
const PATH = "LICENSE";

/** A file that says what a PEM file says: -----BEGIN CERTIFICATE----- */
const SELF = "tests/cli/permissions_test.ts";
const [FIRST_LINE] = Deno.readTextFileSync(FILE).split("\n", 1);

const neverAsk = () => Promise.reject(new Error("asked"));

async function passwordFor(
  args: string[],
  ask: (question: string) => Promise<string | null> = neverAsk,
): Promise<string | undefined> {
  const request = parseListenerArgs(args);
  if (request.action !== "run") throw new Error(request.action);
  return await findPassword(request.options, ask);
}

Deno.test({
  name: "password: where it comes from, without any permission",
  permissions: "none",
  async fn() {
    const longest = `${"é".repeat(32_767)}x`;
    const ask = (question: string) => Promise.resolve(`<${question}>`);
    const cases: [args: string[], password: string | undefined][] = [
      [[], "chat"],
      [["-u", "chat"], "chat"],
      [["-P", "x"], "x"],
      [["-P", longest], longest],
      [["-u", "ann", "-P", "x"], "x"],
      [["-h", "mqtt://ann:x@a"], undefined],
      [["--anonymous"], undefined],
      [["-u", "ann"], "<Password of ann:>"],
      [["-h", "mqtt://bob@a"], "<Password of bob:>"],
      [["-h", "mqtt://cy:x@a", "-h", "b"], "<Password of cy:>"],
    ];
    for (const [args, password] of cases) {
      assertEquals(await passwordFor(args, ask), password);
    }
    await assertRejects(
      () => passwordFor(["-P", "é".repeat(32_768)]),
      UsageError,
      "the password takes 65536 bytes; 65535 is the limit.",
    );
    const silent = () => Promise.resolve(null);
    assertEquals(await passwordFor(["-u", "ann"], silent), undefined);
  },
});

Deno.test({
  name: "password: the environment's, where it may be read",
  permissions: { env: [VARIABLE] },
  async fn() {
    Deno.env.set(VARIABLE, "from env");
    try {
      assertEquals(await passwordFor([]), "from env");
      assertEquals(await passwordFor(["-u", "ann"]), "from env");
      assertEquals(await passwordFor(["-P", "x"]), "x");
      assertEquals(await passwordFor(["--anonymous"]), undefined);
      Deno.env.set(VARIABLE, "");
      assertEquals(await passwordFor([]), "");
    } finally {
      Deno.env.delete(VARIABLE);
    }
    assertEquals(await passwordFor([]), "chat");
  },
});

Deno.test({
  name: "password: its file's first line",
  permissions: { read: [FILE] },
  async fn() {
    assertEquals(await passwordFor(["--password-file", PATH]), FIRST_LINE);
  },
});

/** Fails unless all calls are refused with messages of such a beginning or part. */
async function assertRefused(cases: [() => Promise<unknown>, string][]) {
  for (const [call, message] of cases) {
    await assertRejects(call, UsageError, message);
  }
}

Deno.test({
  name: "files: without permission, and the flag that grants it",
  permissions: "none",
  fn: () =>
    assertRefused([
      [
        () => passwordFor(["--password-file", "my pw"]),
        'reading --password-file "my pw" was not permitted; run with -R=my pw.',
      ],
      [
        () => readTlsFiles({ ca: "ca.pem" }),
        'reading --cafile "ca.pem" was not permitted; run with -R=ca.pem.',
      ],
      [
        () => openLog("my log"),
        'writing --log "my log" was not permitted; run with -W=my log.',
      ],
      [
        () => writeSecret("my secret"),
        'writing --new-secret "my secret" was not permitted; run with -W=my se',
      ],
      [
        () => openLog("a,b"),
        '--log "a,b" can\'t be permitted: Deno reads its comma as the end of',
      ],
    ]),
});

Deno.test({
  name: "files: those for TLS, and none",
  permissions: { read: true, write: true },
  async fn() {
    assertEquals(await readTlsFiles({}), {});
    const { ca, ...others } = await readTlsFiles({ ca: SELF });
    assertStringIncludes(ca!, "-----BEGIN CERTIFICATE-----");
    assertEquals(others, {});
    const begin = "-----BEGIN RSA PRIVATE KEY-----\n";
    await using key = new TextFile(begin);
    assertEquals(await readTlsFiles({ key: key.path }), { key: begin });
    // This file is a certificate of other tests, without that word.
    const kind = "encrypted".toUpperCase();
    await using locked = new TextFile(`${begin}Proc-Type: 4,${kind}\n`);
    const isKey = `${key.path}" is a private key; it takes a certificate.`;
    await assertRefused([
      [
        () => readTlsFiles({ ca: PATH }),
        `--cafile "${PATH}" does not fit: it takes a PEM file`,
      ],
      [
        () => readTlsFiles({ cert: SELF, key: "gone.pem" }),
        '--key "gone.pem" can\'t be read: there is no such file.',
      ],
      [
        () => readTlsFiles({ ca: "tests" }),
        '--cafile "tests" can\'t be read: ',
      ],
      [
        () => readTlsFiles({ key: locked.path }),
        "it takes a PEM file without a passphrase.",
      ],
      [() => readTlsFiles({ ca: key.path }), isKey],
      [() => readTlsFiles({ cert: key.path }), isKey],
    ]);
  },
});

Deno.test({
  name: "secret: a new one is random, for its owner, and replaces no file",
  permissions: { read: true, write: true },
  async fn() {
    const folder = await Deno.makeTempDir();
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
      for (const path of [`${folder}/a`, `${folder}/none/a`]) {
        await assertRejects(
          () => writeSecret(path),
          UsageError,
          `--new-secret ${JSON.stringify(path)} can't be written: `,
        );
      }
      assertEquals(await Deno.readTextFile(`${folder}/a`), secrets[0]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "secret: a full disk leaves no empty file",
  permissions: { read: true, write: true },
  async fn() {
    const folder = await Deno.makeTempDir();
    const { write } = Deno.FsFile.prototype;
    try {
      const full = new Error("No space left on device");
      Deno.FsFile.prototype.write = () => Promise.reject(full);
      const path = `${folder}/a`;
      const fault = `--new-secret ${
        JSON.stringify(path)
      } can't be written: No `;
      await assertRefused([[() => writeSecret(path), fault]]);
      assertEquals([...Deno.readDirSync(folder)], []);
    } finally {
      Deno.FsFile.prototype.write = write;
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "files: secrets and keys that others may read or write are named",
  permissions: { read: true, write: true },
  ignore: Deno.build.os === "windows",
  async fn() {
    await using file = new TextFile("");
    const { path } = file;
    const shown = `"${path}" is open to other users of this machine; type: ` +
      `chmod 600 ${path}`;
    const warnings = async (mode: number, ...flags: string[]) => {
      await Deno.chmod(path, mode);
      const request = parseListenerArgs(flags);
      if (request.action !== "run") throw new Error(request.action);
      return await openFileWarnings(request.options);
    };
    const cert = ["--cert", path, "--cafile", path, "--people", path];
    for (
      const flags of [
        ["--secret-file", path],
        ["--sign-key", path],
        ["--key", path, ...cert],
        ["--key", path, ...cert, "--secret-file", path],
      ]
    ) {
      for (const mode of [0o644, 0o640, 0o620, 0o604, 0o601]) {
        assertEquals(await warnings(mode, ...flags), [shown]);
      }
      for (const mode of [0o600, 0o400, 0o700]) {
        assertEquals(await warnings(mode, ...flags), []);
      }
    }
    assertEquals(await warnings(0o644, "--people", path), []);
    assertEquals(await warnings(0o644, "--secret-file", "/dev/null"), []);
  },
});

Deno.test("colour: as chosen, or for a terminal without NO_COLOR", () => {
  for (const isTerminal of [true, false]) {
    for (const noColor of [true, false]) {
      assertEquals(useColor("always", isTerminal, noColor), true);
      assertEquals(useColor("never", isTerminal, noColor), false);
      assertEquals(
        useColor("auto", isTerminal, noColor),
        isTerminal && !noColor,
      );
    }
  }
});
