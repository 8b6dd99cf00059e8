/**
 * What both scripts do around their own work: read the arguments, print help
 * and version, find the password, decide on colour, and turn whatever goes
 * wrong into one line and an exit code.
 *
 * @module
 */

import { setColorEnabled } from "@std/fmt/colors";
import type { ClientOptions, Status } from "../client.ts";
import { EXIT, exitCodeOf } from "./exit.ts";
import type { Script } from "./flags.ts";
import type { Options, Request } from "./options.ts";
import { safeText } from "../safe_text.ts";
import {
  findPassword,
  findSecret,
  isDumbTerminal,
  NotPermittedError,
  readTlsFiles,
  requireNet,
  useColor,
} from "./permissions.ts";
import { LineWriter, openStderr } from "../terminal/output.ts";
import { statusLine, type Verbosity } from "./status.ts";
import { within } from "../timer.ts";
import { UsageError } from "./arguments.ts";

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
  run: (options: O, people: People) => Promise<number>,
): Promise<number> {
  const stderr = new LineWriter(openStderr());
  const complain = (sentence: string) =>
    stderr.write(`${script}: ${safeText(sentence)}`);
  reportBugs(complain);
  const people = {
    tell: (line: string) => stderr.write(line),
    complain,
    told: () => stderr.flushed(),
  };
  try {
    const request = parse(args);
    switch (request.action) {
      case "run":
        return await run(request.options, people);
      default:
        console.log(await information(script, request));
        return EXIT.ok;
    }
  } catch (error) {
    const sentence = error instanceof Error ? error.message : String(error);
    const needsHelp = error instanceof UsageError &&
      !(error instanceof NotPermittedError);
    const pointer = needsHelp ? " Try --help." : "";
    complain(sentence + pointer);
    return exitCodeOf(error);
  } finally {
    await within(FLUSH_SECONDS, stderr.flushed());
  }
}

/** What is asked for in place of a run; loaded here, since a run needs none. */
async function information(
  script: Script,
  request: Exclude<Request<unknown>, { action: "run" }>,
): Promise<string> {
  switch (request.action) {
    case "help":
      return (await import("./help.ts")).helpText(script);
    case "completions": {
      const { completions } = await import("./completions.ts");
      return completions(script, request.shell);
    }
    case "version": {
      const { default: config } = await import("../../deno.json", {
        with: { type: "json" },
      });
      return `${script}.ts ${config.version}`;
    }
  }
}

/**
 * Makes one line of an error that nobody caught, which is a bug of ours: a
 * stack trace helps nobody who wanted to chat.
 */
function reportBugs(complain: (sentence: string) => void): void {
  const report = (event: Event, error: unknown) => {
    event.preventDefault();
    const reason = error instanceof Error ? error.message : String(error);
    complain(`This is a bug, please report it: ${reason}`);
    setTimeout(() => Deno.exit(EXIT.failed), LAST_WORDS_MS);
  };
  addEventListener("error", (event) => report(event, event.error));
  addEventListener(
    "unhandledrejection",
    (event) => report(event, event.reason),
  );
}

/** How long the line about a bug may take to leave, in milliseconds. */
const LAST_WORDS_MS = 100;

/**
 * Where people are told things: stderr, without waiting for it, since a pipe
 * that nobody reads would stop everything else.
 */
export interface People {
  /** Writes a line. */
  tell: (line: string) => void;
  /** Writes what went wrong, and who says so. */
  complain: (sentence: string) => void;
  /** Settles when all of that is written, or can't be any more. */
  told: () => Promise<void>;
}

/** How long the last lines for people may take, in seconds. */
const FLUSH_SECONDS = 1;

/** What the scripts make of their options. */
export interface Setting {
  /** What the client connects with. */
  connect: Omit<ClientOptions, "will" | "onReceived">;
  /** Whether to write to stdout in colour. */
  color: boolean;
  /** Whether stdout is a terminal that can only print. */
  isDumb: boolean;
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
  const isDumb = await isDumbTerminal();
  const color = useColor(
    options.color,
    Deno.stdout.isTerminal() && !isDumb,
    Deno.noColor,
  );
  setColorEnabled(color);
  await requireNet(options.brokers);
  const verbosity = options.debug ? "debug" : options.quiet ? "quiet" : usual;
  if (options.debug) tellOfTimeZone(tell);
  return {
    color,
    isDumb,
    connect: {
      ...options,
      password: await findPassword(options, askFor("--password-file")),
      secret: await findSecret(options, askFor("--secret-file"), tell),
      tls: await readTlsFiles(options.tlsFiles),
      session: options.resume
        ? { resume: true, expiry: options.sessionExpiry }
        : undefined,
      onStatus: (status: Status) => {
        const line = statusLine(status, verbosity);
        if (line !== undefined) tell(line);
      },
    },
  };
}

/** Says what may surprise whoever set TZ, which may not be read here. */
function tellOfTimeZone(tell: (line: string) => void): void {
  const { timeZone = "UTC" } = Intl.DateTimeFormat().resolvedOptions();
  if (timeZone !== "UTC") return;
  tell(
    "Debug: times are in UTC, as where TZ is not set, or is not one that " +
      "Deno knows; it knows names, such as Europe/Berlin.",
  );
}

/** Asks for a secret, which a flag could give, where a person is at both ends. */
function askFor(flag: string): (question: string) => Promise<string | null> {
  return async (question) => {
    if (!Deno.stdin.isTerminal() || !Deno.stderr.isTerminal()) return null;
    const { askSecret } = await import("../terminal/secret.ts");
    return await askSecret(question, flag);
  };
}
