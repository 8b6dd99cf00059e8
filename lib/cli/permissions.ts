/**
 * What a script asks of Deno's permissions, the environment, files and the
 * terminal: the net permission, the password, the secret, PEM files, colour.
 */

import { type Broker, hostPort, type TlsIdentity } from "../mqtt/address.ts";
import { DEFAULTS } from "../client_options.ts";
import { type Choices, UsageError, VARIABLES } from "./flags.ts";
import { type Options, quote } from "./options.ts";
import type { PeopleKeys } from "../room/names.ts";
import { safeName } from "../safe_text.ts";
import { Signer } from "../sign.ts";

/** A permission that was not granted: no help text says more. */
export class NotPermittedError extends UsageError {
  static {
    this.prototype.name = "NotPermittedError";
  }
}

/** The length field of CONNECT has 16 bits. */
const MAX_PASSWORD_BYTES = 65_535;

/** Makes sure that every broker may be connected to; Deno may ask the user. */
export async function requireNet(brokers: Broker[]): Promise<void> {
  const all = [...new Set(brokers.map(hostPort))].join(",");
  for (const broker of brokers) {
    const host = hostPort(broker);
    const status = await Deno.permissions.request({ name: "net", host });
    if (status.state === "granted") continue;
    throw new NotPermittedError(
      `connecting to ${host} was not permitted; run with -N=${all}.`,
    );
  }
}

/**
 * Finds the password for brokers whose URL has none: on the command line, in
 * its file, in the environment, or by asking.
 */
export async function findPassword(
  options: Options,
): Promise<string | undefined> {
  const password = await choosePassword(options);
  const bytes = new TextEncoder().encode(password ?? "").length;
  if (bytes <= MAX_PASSWORD_BYTES) return password;
  throw new UsageError(
    `the password takes ${bytes} bytes; ${MAX_PASSWORD_BYTES} is the limit.`,
  );
}

async function choosePassword(options: Options): Promise<string | undefined> {
  if (options.username === undefined) return undefined;
  if (options.password !== undefined) return options.password;
  if (options.passwordFile !== undefined) {
    return firstLine(await readGranted("password-file", options.passwordFile));
  }
  const fromEnv = await readVariable(VARIABLES.password);
  if (fromEnv !== undefined) return fromEnv;
  if (options.brokers.every((broker) => broker.password !== undefined)) {
    return undefined;
  }
  if (options.username === DEFAULTS.username) return DEFAULTS.username;
  const question = `Password of ${safeName(options.username)}:`;
  return await askOnTerminal(question, "--password-file") ?? undefined;
}

/** Finds the rooms' secret: in its file, in the environment, or by asking. */
export async function findSecret(
  { secretFile, asksSecret, needsSecret }: Options,
): Promise<string | undefined> {
  const fromEnv = await readVariable(VARIABLES.secret);
  const flag = asksSecret ? "--secret" : secretFile && "--secret-file";
  if (flag && fromEnv !== undefined) {
    throw new UsageError(`give ${flag} or ${VARIABLES.secret}, not both.`);
  }
  const secret = secretFile !== undefined
    ? await readSecret(secretFile)
    : asksSecret
    ? await askOnTerminal("Secret of the room:", "--secret-file")
    : fromEnv;
  if (secret === null) {
    throw new UsageError(
      "--secret asks on a terminal, and there is none; use --secret-file.",
    );
  }
  if (secret === undefined && needsSecret) {
    throw new UsageError(
      `--sealed needs a secret: --secret-file, --secret, or ${VARIABLES.secret} ` +
        `(with -E=${VARIABLES.secret}).`,
    );
  }
  // An empty secret would leave the messages readable for everyone.
  if (secret === "") {
    throw new UsageError(`the secret of ${flag ?? VARIABLES.secret} is empty.`);
  }
  return secret;
}

/** Writes a new secret of 192 random bits to a file that isn't there yet. */
export async function writeSecret(path: string): Promise<void> {
  const file = await openGranted("new-secret", path, {
    write: true,
    createNew: true,
    mode: 0o600,
  });
  const secret = crypto.getRandomValues(new Uint8Array(24)).toBase64();
  try {
    await file.write(new TextEncoder().encode(`${secret}\n`));
  } catch (error) {
    // An empty file would be in the way of the next try.
    await Deno.remove(path);
    throw unusable("new-secret", path, "written", (error as Error).message);
  } finally {
    file.close();
  }
}

async function readSecret(path: string): Promise<string> {
  const text = await readGranted("secret-file", path);
  // Bytes that are not UTF-8 would all be read as the same character.
  if (text.includes("\ufffd")) {
    throw new UsageError(
      `--secret-file ${JSON.stringify(path)} does not fit: it takes a text ` +
        "in UTF-8.",
    );
  }
  return firstLine(text.replace(/^\ufeff/, ""));
}

function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0];
}

/** Asks for a secret without echo; resolves to null without a terminal. */
async function askOnTerminal(
  question: string,
  flag: string,
): Promise<string | null> {
  if (!Deno.stdin.isTerminal() || !Deno.stderr.isTerminal()) return null;
  const { askSecret } = await import("../terminal/secret.ts");
  return await askSecret(question, flag);
}

/** The first line of a private key in PEM. */
const PRIVATE_KEY = /-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/;

/** Reads the environment only where that is permitted already. */
async function readVariable(variable: string): Promise<string | undefined> {
  const { state } = await Deno.permissions.query({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}

/**
 * Adds the permission for the variables that are in use to a command: without
 * its secret, it would send readable messages.
 */
export async function withVariables(command: string): Promise<string> {
  const used: string[] = [];
  for (const variable of [VARIABLES.password, VARIABLES.secret]) {
    if (await readVariable(variable) !== undefined) used.push(variable);
  }
  return used.length === 0
    ? command
    : command.replace(/^deno run/, `$& -E=${used.join(",")}`);
}

export async function readTlsFiles(
  files: Options["tlsFiles"],
): Promise<TlsIdentity> {
  const read = async (flag: string, path: string | undefined, kind: RegExp) => {
    if (path === undefined) return undefined;
    const text = await readGranted(flag, path);
    if (kind.test(text) && !text.includes("ENCRYPTED")) return text;
    if (flag !== "key" && PRIVATE_KEY.test(text)) {
      throw new UsageError(
        `--${flag} ${JSON.stringify(path)} is a private key; it takes a ` +
          "certificate.",
      );
    }
    throw new UsageError(
      `--${flag} ${JSON.stringify(path)} does not fit: it takes a PEM file ` +
        "without a passphrase.",
    );
  };
  const [ca, cert, key] = await Promise.all([
    read("cafile", files.ca, /-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/),
    read("cert", files.cert, /-----BEGIN (X509 )?CERTIFICATE-----/),
    read("key", files.key, PRIVATE_KEY),
  ]);
  return {
    ...ca !== undefined && { ca },
    ...cert !== undefined && { cert },
    ...key !== undefined && { key },
  };
}

/** Reads the key of `--sign-key`. */
export async function readSigner(path: string): Promise<Signer> {
  const pem = await readGranted("sign-key", path);
  try {
    return Signer.fromPem(pem);
  } catch {
    throw new UsageError(
      `--sign-key ${JSON.stringify(path)} does not fit: it takes what ` +
        "openssl genpkey -algorithm ed25519 writes.",
    );
  }
}

/** Reads the names and keys of `--people`. */
export async function readPeople(path: string): Promise<PeopleKeys> {
  // Loaded here, since a publisher needs no names otherwise.
  const { parsePeople } = await import("../room/names.ts");
  const { keys, faults } = parsePeople(await readGranted("people", path));
  if (faults.length === 0) return keys;
  const lines = faults.slice(0, 10).join(", ") +
    (faults.length > 10 ? ` and ${faults.length - 10} more` : "");
  throw new UsageError(
    `--people ${JSON.stringify(path)} does not fit in line ${lines}: each ` +
      "line takes a name and its key, in UTF-8.",
  );
}

/** Reads a file that a flag names. */
async function readGranted(flag: string, path: string): Promise<string> {
  await requireFile("read", flag, path);
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : (error as Error).message;
    throw unusable(flag, path, "read", reason);
  }
}

/** Opens the file of `--log` to append to it. */
export async function openLog(path: string): Promise<Deno.FsFile> {
  return await openGranted("log", path, { append: true, create: true });
}

/** Opens a file to write that a flag names. */
async function openGranted(
  flag: string,
  path: string,
  options: Deno.OpenOptions,
): Promise<Deno.FsFile> {
  await requireFile("write", flag, path);
  try {
    return await Deno.open(path, options);
  } catch (error) {
    const reason = error instanceof Deno.errors.AlreadyExists
      ? "there is such a file, which stays as it is"
      : (error as Error).message;
    throw unusable(flag, path, "written", reason);
  }
}

/** Makes sure that a file may be used; Deno may ask the user. */
async function requireFile(
  name: "read" | "write",
  flag: string,
  path: string,
): Promise<void> {
  const { state } = await Deno.permissions.request({ name, path });
  if (state === "granted") return;
  if (path.includes(",")) {
    const reason = "Deno reads its comma as the end of a path; rename the file";
    throw unusable(flag, path, "permitted", reason);
  }
  const [deed, letter] = name === "read" ? ["reading", "R"] : ["writing", "W"];
  throw new NotPermittedError(
    `${deed} --${flag} ${JSON.stringify(path)} was not permitted; run with ` +
      `-${letter}=${path}.`,
  );
}

function unusable(
  flag: string,
  path: string,
  use: "read" | "written" | "permitted",
  reason: string,
): UsageError {
  return new UsageError(
    `--${flag} ${JSON.stringify(path)} can't be ${use}: ${reason}.`,
  );
}

/**
 * Returns a warning for each secret or private key that others may read or
 * write, as ssh judges its keys. Its file must have been read.
 */
export async function openFileWarnings(
  { secretFile, signKeyFile, tlsFiles }: Options,
): Promise<string[]> {
  const warnings: string[] = [];
  for (const path of new Set([secretFile, signKeyFile, tlsFiles.key])) {
    if (path === undefined) continue;
    const { isFile, mode } = await Deno.stat(path);
    // Windows has no mode; a pipe has no other readers.
    if (!isFile || mode === null || (mode & 0o077) === 0) continue;
    warnings.push(
      `${JSON.stringify(path)} is open to other users of this machine; type: ` +
        `chmod 600 ${quote(path)}`,
    );
  }
  return warnings;
}

/**
 * Whether stdout is a terminal that can only print: `TERM=dumb`, where reading
 * that is permitted already, or no width, as in an editor's shell.
 */
export async function isDumbTerminal(): Promise<boolean> {
  if (!Deno.stdout.isTerminal()) return false;
  return await readVariable(VARIABLES.terminal) === "dumb" ||
    Deno.consoleSize().columns === 0;
}

/** Decides on colour; a flag overrides NO_COLOR. */
export function useColor(
  choice: Choices["color"],
  isTerminal: boolean,
  noColor: boolean,
): boolean {
  return choice === "auto" ? isTerminal && !noColor : choice === "always";
}
