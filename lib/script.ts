/**
 * What both scripts do around their own work: read the arguments, print help
 * and version, find the password, decide on colour, and turn whatever goes
 * wrong into one line and an exit code.
 *
 * @module
 */

import { setColorEnabled } from "@std/fmt/colors";
import denoJson from "../deno.json" with { type: "json" };
import type { ClientOptions, Status } from "./client.ts";
import { EXIT, exitCodeOf } from "./exit.ts";
import type { Script } from "./flags.ts";
import { helpText } from "./help.ts";
import type { Options, Request } from "./options.ts";
import { safeText } from "./render.ts";
import {
  findPassword,
  NotPermittedError,
  readTlsFiles,
  requireNet,
  useColor,
} from "./startup.ts";
import { statusLine, type Verbosity } from "./status.ts";
import { UsageError } from "./values.ts";

/** How long, in seconds, the broker keeps a session that is not resumed later. */
const OUTAGE_EXPIRY_SECONDS = 300;

/**
 * Runs a script.
 *
 * @param script Which.
 * @param args As in `Deno.args`.
 * @param parse Reads its arguments.
 * @param run Does its work, and returns the exit code.
 * @returns The exit code.
 */
export async function runScript<O>(
  script: Script,
  args: string[],
  parse: (args: string[]) => Request<O>,
  run: (options: O) => Promise<number>,
): Promise<number> {
  try {
    const request = parse(args);
    switch (request.action) {
      case "help":
        console.log(helpText(script));
        return EXIT.ok;
      case "version":
        console.log(`${script}.ts ${denoJson.version}`);
        return EXIT.ok;
      case "run":
        return await run(request.options);
    }
  } catch (error) {
    const sentence = error instanceof Error ? error.message : String(error);
    const needsHelp = error instanceof UsageError &&
      !(error instanceof NotPermittedError);
    const pointer = needsHelp ? " Try --help." : "";
    complain(script, sentence + pointer);
    return exitCodeOf(error);
  }
}

/**
 * Writes a line for people who need to know.
 *
 * @param script Who says it.
 * @param sentence What went wrong.
 */
export function complain(script: Script, sentence: string): void {
  console.error(`${script}: ${safeText(sentence)}`);
}

/**
 * Waits for something that is nice to have, but not for ever.
 *
 * @param seconds How long.
 * @param wanted What to wait for; whether it fails doesn't matter.
 */
export async function within(
  seconds: number,
  wanted: Promise<unknown>,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const timer = setTimeout(resolve, seconds * 1000);
  await Promise.race([wanted.catch(() => {}), promise]);
  clearTimeout(timer);
}

/** What the scripts make of their options. */
export interface Setting {
  /** What the client connects with. */
  connect: Omit<ClientOptions, "will" | "onReceived">;
  /** Whether to write to stdout in colour. */
  color: boolean;
}

/**
 * Finds all that connecting needs.
 *
 * @param options What the arguments say.
 * @param tell Writes a line about the connection.
 * @param usual How much is told where no flag says otherwise.
 * @returns What to connect with, and whether to colour.
 * @throws {UsageError} When a permission or a file is missing.
 */
export async function prepare(
  options: Options,
  tell: (line: string) => void,
  usual: Verbosity = "normal",
): Promise<Setting> {
  const color = useColor(
    options.color,
    Deno.stdout.isTerminal(),
    Deno.noColor,
  );
  setColorEnabled(color);
  await requireNet(options.brokers);
  const { brokers, username, keepalive, protocolVersion, timeout } = options;
  const verbosity = options.debug ? "debug" : options.quiet ? "quiet" : usual;
  return {
    color,
    connect: {
      brokers,
      clientId: options.clientId,
      username,
      password: await findPassword(options, ask),
      tls: await readTlsFiles(options.tlsFiles),
      keepalive,
      protocolVersion,
      timeout,
      session: {
        resume: options.resume,
        expiry: options.resume ? options.sessionExpiry : OUTAGE_EXPIRY_SECONDS,
      },
      onStatus: (status: Status) => {
        const line = statusLine(status, verbosity);
        if (line !== undefined) tell(line);
      },
    },
  };
}

/** Asks for a secret where a person sits at both ends. */
async function ask(question: string): Promise<string | null> {
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) return null;
  const { promptSecret } = await import("@std/cli/prompt-secret");
  return promptSecret(question, { mask: "" });
}
