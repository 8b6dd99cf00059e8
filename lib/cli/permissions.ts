/**
 * From options to what connecting needs: the net permission, the password, the
 * secret, the PEM files, whether to colour. Owns every question to Deno's
 * permissions, the environment and the file system.
 *
 * @module
 */

import { type Broker, hostPort } from "../mqtt/address.ts";
import { DEFAULTS } from "../client_options.ts";
import type { ColorChoice, Options } from "./options.ts";
import type { TlsIdentity } from "../mqtt/address.ts";
import { safeName } from "../safe_text.ts";
import { UsageError } from "./arguments.ts";

/** A permission that was not granted: no help text tells more. */
export class NotPermittedError extends UsageError {
  static {
    this.prototype.name = "NotPermittedError";
  }
}

/** The most bytes of a password, by the length field of CONNECT. */
const MAX_PASSWORD_BYTES = 65_535;

/** The environment variables a password and a secret may come from. */
const PASSWORD_VARIABLE = "MQTT_PASSWORD";
const SECRET_VARIABLE = "MQTT_CHAT_SECRET";

/** Whether a secret is so short, in characters, that it deserves a warning. */
const SHORT_SECRET = 12;

/**
 * Makes sure that the brokers may be connected to. Where Deno can ask, it
 * asks.
 *
 * @param brokers All that may be connected to.
 * @throws {NotPermittedError} When one may not; it names the flag that grants it.
 */
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
 * Finds the password: on the command line, in its file, in MQTT_PASSWORD
 * (where reading that is permitted already), or by asking on a terminal.
 *
 * @param options What the arguments say.
 * @param ask Asks for it without echo; null when nobody answers.
 * @returns The password, or undefined when there is none.
 * @throws {UsageError} When the file can't be read, or it is too long.
 */
export async function findPassword(
  options: Options,
  ask: (question: string) => Promise<string | null>,
): Promise<string | undefined> {
  const password = await choosePassword(options, ask);
  const bytes = new TextEncoder().encode(password ?? "").length;
  if (bytes <= MAX_PASSWORD_BYTES) return password;
  throw new UsageError(
    `the password takes ${bytes} bytes; ${MAX_PASSWORD_BYTES} is the limit.`,
  );
}

/** The password from wherever it is. */
async function choosePassword(
  options: Options,
  ask: (question: string) => Promise<string | null>,
): Promise<string | undefined> {
  if (options.password !== undefined) return options.password;
  if (options.passwordFile !== undefined) {
    return firstLine(await readGranted("password-file", options.passwordFile));
  }
  const fromEnv = await readVariable(PASSWORD_VARIABLE);
  if (fromEnv !== undefined) return fromEnv;
  if (options.brokers.every((broker) => broker.password !== undefined)) {
    return undefined;
  }
  if (options.username === DEFAULTS.username) return DEFAULTS.username;
  return await ask(`Password of ${safeName(options.username)}:`) ?? undefined;
}

/**
 * Finds the secret of the rooms: in its file, in MQTT_CHAT_SECRET (where reading
 * that is permitted already), or by asking on a terminal.
 *
 * @param options What the arguments say.
 * @param ask Asks for it without echo; null when there is no terminal.
 * @param warn Told, in a sentence, of a secret that is easily guessed.
 * @returns The secret, or undefined when there is none.
 * @throws {UsageError} When there are two, or one that can't be used.
 */
export async function findSecret(
  { secretFile, asksSecret }: Pick<Options, "secretFile" | "asksSecret">,
  ask: (question: string) => Promise<string | null>,
  warn: (sentence: string) => void,
): Promise<string | undefined> {
  const fromEnv = await readVariable(SECRET_VARIABLE);
  const flag = asksSecret ? "--secret" : secretFile && "--secret-file";
  if (flag && fromEnv !== undefined) {
    throw new UsageError(`give ${flag} or ${SECRET_VARIABLE}, not both.`);
  }
  const secret = secretFile !== undefined
    ? await readSecret(secretFile)
    : asksSecret
    ? await ask("Secret of the room:")
    : fromEnv;
  if (secret === null) {
    throw new UsageError(
      "--secret asks on a terminal, and there is none; use --secret-file.",
    );
  }
  // Whoever meant to seal must not go on unsealed.
  if (secret === "") {
    throw new UsageError(`the secret of ${flag ?? SECRET_VARIABLE} is empty.`);
  }
  if (secret !== undefined && Array.from(secret).length < SHORT_SECRET) {
    warn(
      `The secret has less than ${SHORT_SECRET} characters, which can be ` +
        "guessed; make one with: openssl rand -base64 24",
    );
  }
  return secret;
}

/** The first line of a file of text. */
async function readSecret(path: string): Promise<string> {
  const text = await readGranted("secret-file", path);
  // Bytes that are no UTF-8 would all be read as the same character.
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

/** A variable of the environment, where reading it is permitted already. */
async function readVariable(variable: string): Promise<string | undefined> {
  const { state } = await Deno.permissions.query({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}

/**
 * Reads the PEM files.
 *
 * @param files Their paths, by what they are for.
 * @returns Their texts.
 * @throws {UsageError} When one can't be read.
 */
export async function readTlsFiles(
  files: Options["tlsFiles"],
): Promise<TlsIdentity> {
  const read = async (flag: string, path: string | undefined, kind: RegExp) => {
    if (path === undefined) return undefined;
    const text = await readGranted(flag, path);
    if (kind.test(text) && !text.includes("ENCRYPTED")) return text;
    throw new UsageError(
      `--${flag} ${JSON.stringify(path)} does not fit: it takes a PEM file ` +
        "without a passphrase.",
    );
  };
  const [ca, cert, key] = await Promise.all([
    read("cafile", files.ca, /-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/),
    read("cert", files.cert, /-----BEGIN (X509 )?CERTIFICATE-----/),
    read("key", files.key, /-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/),
  ]);
  return {
    ...ca !== undefined && { ca },
    ...cert !== undefined && { cert },
    ...key !== undefined && { key },
  };
}

/** Reads a file the arguments name. */
async function readGranted(flag: string, path: string): Promise<string> {
  const shown = JSON.stringify(path);
  const { state } = await Deno.permissions.request({ name: "read", path });
  if (state !== "granted") {
    throw new NotPermittedError(
      `reading --${flag} ${shown} was not permitted; run with -R=${path}.`,
    );
  }
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new UsageError(`--${flag} ${shown} can't be read: ${reason}.`);
  }
}

/**
 * Whether the terminal can only print: it says so (`TERM=dumb`, where reading
 * that is permitted already), or it has no width, as in an editor's shell.
 *
 * @returns False where stdout is no terminal.
 */
export async function isDumbTerminal(): Promise<boolean> {
  if (!Deno.stdout.isTerminal()) return false;
  return await readVariable("TERM") === "dumb" ||
    Deno.consoleSize().columns === 0;
}

/**
 * Decides on colour. NO_COLOR wins over everything: `@std/fmt` obeys it.
 *
 * @param choice What the arguments say.
 * @param isTerminal Whether a terminal shows the output.
 * @param noColor Whether NO_COLOR is set, as `Deno.noColor` says.
 * @returns Whether to write in colour.
 */
export function useColor(
  choice: ColorChoice,
  isTerminal: boolean,
  noColor: boolean,
): boolean {
  if (noColor) return false;
  return choice === "auto" ? isTerminal : choice === "always";
}
