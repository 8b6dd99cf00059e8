/**
 * What both scripts do around their own work: read the arguments, print help
 * and version, prepare the connection, turn an error into one line and an exit
 * code.
 */

import { bold, setColorEnabled } from "@std/fmt/colors";
import type { ClientOptions } from "../client.ts";
import { EXIT, exitCodeOf } from "./exit.ts";
import { NO_COLOR } from "./no_color.ts";
import { helpText, type Script, UsageError } from "./flags.ts";
import { type Options, quote, type Request } from "./options.ts";
import type { PeopleKeys } from "../room/names.ts";
import { safeText } from "../safe_text.ts";
import {
  findPassword,
  findSecret,
  isDumbTerminal,
  NotPermittedError,
  openFileWarnings,
  readPeople,
  readSigner,
  readTlsFiles,
  requireNet,
  useColor,
  withVariables,
  writeSecret,
} from "./permissions.ts";
import { LineWriter, openStderr } from "../terminal/output.ts";
import { statusLine, type Verbosity } from "./status.ts";
import { within } from "../timer.ts";

/**
 * Writes to stderr without waiting: a pipe that is not read must not stop the
 * script.
 */
export interface People {
  /** Writes a line. */
  tell: (line: string) => void;
  /** Writes what went wrong, after the script's name. */
  complain: (sentence: string) => void;
  /** Shows a text below the lines, in place of the last one; "" for none. */
  progress: (text: string) => void;
  /** Settles when all of that is written, or can't be any more. */
  told: () => Promise<void>;
}

/** How long the last lines on stderr may take, in seconds. */
const FLUSH_SECONDS = 1;

/** How long the line about a bug may take, in milliseconds. */
const LAST_WORDS_MS = 100;

/** A shorter secret, in characters, gets a warning. */
const SHORT_SECRET = 12;

/** Runs a script, perhaps under another name, and returns its exit code. */
export async function runScript<O>(
  script: Script,
  args: string[],
  parse: (args: string[]) => Request<O>,
  run: (options: O, people: People) => Promise<number>,
  name: string = script,
): Promise<number> {
  let progress = "";
  let shown = 0;
  const stderr = new LineWriter(
    openStderr(),
    undefined,
    undefined,
    (lines) => {
      // Blanks, since a simple terminal can't erase.
      const erase = shown > 0 ? `\r${" ".repeat(shown)}\r` : "";
      shown = progress.length;
      return erase + lines.map((line) => `${line}\n`).join("") + progress;
    },
  );
  const people: People = {
    tell: (line) => stderr.write(line),
    complain: (sentence) => stderr.write(`${name}: ${safeText(sentence)}`),
    progress(text) {
      progress = text.slice(0, Math.max(0, Deno.consoleSize().columns - 1));
      stderr.refresh();
    },
    told: () => stderr.flushed(),
  };
  reportBugs(people);
  let command = "";
  try {
    const request = parse(args);
    if ("command" in request) command = request.command;
    if (request.action === "run") return await run(request.options, people);
    if (request.action === "new secret") {
      await writeSecret(request.path);
      people.tell(safeText(adviceOnSecret(request.path, request.next)));
    } else console.log(await information(script, name, request));
    return EXIT.ok;
  } catch (error) {
    const advice = !(error instanceof UsageError)
      ? ""
      : !(error instanceof NotPermittedError)
      ? " Try --help."
      : IS_SOURCE
      ? ` Type: ${await withVariables(command)}`
      : "";
    people.complain(messageOf(error) + advice);
    return exitCodeOf(error);
  } finally {
    await within(FLUSH_SECONDS, people.told());
  }
}

/** Whether a command can be typed as `deno run listener.ts`. */
export const IS_SOURCE = !Deno.build.standalone &&
  import.meta.url.endsWith("/lib/cli/script.ts");

/** Says what to do with a new secret. */
function adviceOnSecret(path: string, command: string): string {
  return `${
    JSON.stringify(path)
  } has a new secret. Give a copy to each member, by ` +
    "another way than the room. " +
    (IS_SOURCE
      ? `Type: ${command}`
      : `Use it with --secret-file ${quote(path)}`);
}

/** Returns the answer to --help, --version or --completions. */
async function information(
  script: Script,
  name: string,
  request: Extract<
    Request<unknown>,
    { action: "help" | "version" | "completions" }
  >,
): Promise<string> {
  switch (request.action) {
    case "help":
      setColorEnabled(
        useColor(request.color, Deno.stdout.isTerminal(), NO_COLOR),
      );
      return helpText(script, bold, name);
    case "completions": {
      const { completions } = await import("./completions.ts");
      return completions(script, request.shell);
    }
    case "version": {
      const { default: config } = await import("../../deno.json", {
        with: { type: "json" },
      });
      return `${name === script ? `${name}.ts` : name} ${config.version}`;
    }
  }
}

/** Makes one line of an uncaught error, which is a bug of ours. */
function reportBugs({ complain }: People): void {
  const report = (event: Event, error: unknown) => {
    event.preventDefault();
    complain(`This is a bug, please report it: ${messageOf(error)}`);
    setTimeout(() => Deno.exit(EXIT.failed), LAST_WORDS_MS);
  };
  addEventListener("error", (event) => report(event, event.error));
  addEventListener(
    "unhandledrejection",
    (event) => report(event, event.reason),
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What the scripts make of their options. */
export interface Setting {
  connect: Omit<ClientOptions, "will" | "onReceived">;
  /** The names and keys of `--people`. */
  peopleKeys?: PeopleKeys;
  /** Whether to write to stdout in colour. */
  color: boolean;
  /** Whether stdout is a terminal that can only print. */
  isDumb: boolean;
}

/** Gets all that connecting needs; throws a UsageError where that is missing. */
export async function prepare(
  options: Options,
  tell: (line: string) => void,
  usual: Verbosity = "normal",
): Promise<Setting> {
  const isDumb = await isDumbTerminal();
  const isTerminal = Deno.stdout.isTerminal() && !isDumb;
  const color = useColor(options.color, isTerminal, NO_COLOR);
  setColorEnabled(color);
  await requireNet(options.brokers);
  const verbosity = options.debug ? "debug" : options.quiet ? "quiet" : usual;
  if (options.debug) tellOfTimeZone(tell);
  const password = await findPassword(options);
  const secret = await findSecret(options);
  if (secret !== undefined && Array.from(secret).length < SHORT_SECRET) {
    tell(
      `The secret has less than ${SHORT_SECRET} characters, which can be ` +
        "guessed; --new-secret FILE makes one that can't.",
    );
  }
  const { signKeyFile, peopleFile } = options;
  const signer = signKeyFile === undefined
    ? undefined
    : await readSigner(signKeyFile);
  const tlsFiles = await readTlsFiles(options.tlsFiles);
  for (const warning of await openFileWarnings(options)) {
    tell(safeText(warning));
  }
  return {
    color,
    isDumb,
    peopleKeys: peopleFile === undefined
      ? undefined
      : await readPeople(peopleFile),
    connect: {
      ...options,
      password,
      secret,
      signer,
      tls: {
        ...tlsFiles,
        ...options.alpn !== undefined && { alpn: options.alpn },
      },
      session: options.resume
        ? { resume: true, expiry: options.sessionExpiry }
        : undefined,
      onStatus(status) {
        const line = statusLine(status, verbosity);
        if (line !== undefined) tell(line);
      },
    },
  };
}

/** Explains UTC to users who set TZ, which the scripts may not read. */
function tellOfTimeZone(tell: (line: string) => void): void {
  const { timeZone = "UTC" } = Intl.DateTimeFormat().resolvedOptions();
  if (timeZone !== "UTC") return;
  tell(
    "Debug: times are in UTC. Deno knows time zones by name (TZ=Europe/Berlin) " +
      "and uses UTC for others.",
  );
}
