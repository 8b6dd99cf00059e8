/**
 * The demo: a broker, a room that is kept, two people and one who comes late in
 * one terminal, then the prompt for whoever watches. Runs the two scripts as they
 * are, as processes that may reach this broker's port and nothing else.
 *
 *     deno task demo
 *
 * @module
 */

import {
  ListenError,
  readAccess,
  type RunningBroker,
  startBroker,
} from "./broker.ts";
import { onEndSignals } from "../terminal/signals.ts";

const TOPIC = "chat/demo";
const USUAL_PORT = 1883;

/** How long the scripts may take to leave, in milliseconds. */
const GOODBYE_MS = 2_000;

/** The exit code of a program ended by Ctrl-C: 128 and the signal's number. */
const INTERRUPTED = 130;

/** Who says what. Each waits until the listener has shown the line before. */
const CONVERSATION: readonly (readonly [name: string, text: string])[] = [
  ["Ada", "Hello! Is this room only an MQTT topic?"],
  ["Grace", "It is. You publish to it, I subscribe to it. 👋"],
  ["Ada", "And if somebody sends \x1b[31mterminal codes\x1b[0m?"],
  ["Grace", "They stay text, as you see."],
];

/** Who comes late. */
const LATE = ["Linus", "Hello! I have read what I missed."] as const;

/** How long, in milliseconds, after the others: a keeper writes once a second. */
const LATE_MS = 1_500;

const GOODBYE = ["Grace", "Bye!"] as const;

/** Where it all happens, and the processes, so that none outlives it. */
interface Stage {
  broker: RunningBroker;
  children: Set<Deno.ChildProcess>;
}

/** A process of the demo, from the `deno` that runs this one. */
function script(
  { broker, children }: Stage,
  file: "listener.ts" | "publisher.ts",
  args: string[],
  stdio: Pick<Deno.CommandOptions, "stdin" | "stdout">,
): Deno.ChildProcess {
  const host = `${broker.hostname}:${broker.port}`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      `-N=${host}`,
      new URL(`../../${file}`, import.meta.url).href,
      ...["--host", host, "--topic", TOPIC, ...args],
    ],
    ...stdio,
  }).spawn();
  children.add(child);
  child.status.then(() => children.delete(child));
  return child;
}

/** Somebody who says lines one at a time. */
class Person implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;

  constructor(stage: Stage, name: string) {
    this.#process = script(stage, "publisher.ts", ["--name", name], {
      stdin: "piped",
    });
    this.#stdin = this.#process.stdin.getWriter();
  }

  async say(text: string): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(text + "\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stdin.close();
    await this.#process.status;
  }
}

/** A listener; what it prints goes on to our stdout. */
class Reader implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #heading: string;

  /** The heading comes before the first line: Deno may draw until then. */
  constructor(stage: Stage, name: string, heading: string, ...args: string[]) {
    this.#heading = heading;
    const color = Deno.stdout.isTerminal() && !Deno.noColor;
    this.#process = script(
      stage,
      "listener.ts",
      ["--name", name, "--color", color ? "always" : "never", ...args],
      { stdin: "null", stdout: "piped" },
    );
    this.#lines = this.#process.stdout
      .pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Waits until it has shown a text. */
  async shows(text: string): Promise<void> {
    let seen = "";
    while (!seen.includes(text)) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error(`The listener ended before it showed ${text}.`);
      if (this.#heading !== "") console.error(this.#heading);
      this.#heading = "";
      console.log(value.replace(/\n$/, ""));
      seen = (seen + value).slice(-1000);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    end(this.#process, "SIGINT");
    await this.shows("disconnecting from").catch(() => {});
    await this.#process.status;
  }
}

/** Ends what runs, while there still is a broker to take leave of. */
async function endAll(children: Set<Deno.ChildProcess>): Promise<void> {
  const all = [...children];
  for (const child of all) end(child, "SIGTERM");
  const timer = setTimeout(() => {
    for (const child of children) end(child, "SIGKILL");
  }, GOODBYE_MS);
  await Promise.all(all.map((child) => child.status));
  clearTimeout(timer);
}

/** Signals a process, unless it has ended. */
function end(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // Ctrl-C reaches the processes of the demo, too.
  }
}

/** The broker on its usual port, or on a free one where that is taken. */
async function openBroker(): Promise<RunningBroker> {
  const access = await readAccess();
  try {
    return await startBroker({ port: USUAL_PORT, ...access });
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    return await startBroker({ port: 0, ...access });
  }
}

/** Two people talk; the listener shows it. */
async function converse(stage: Stage, reader: Reader): Promise<void> {
  await using ada = new Person(stage, "Ada");
  await using grace = new Person(stage, "Grace");
  const people = { Ada: ada, Grace: grace } as Record<string, Person>;
  for (const [name, text] of CONVERSATION) {
    await people[name].say(text);
    // The name may be in colour and the end escaped; this part never is.
    await reader.shows(`: ${text.slice(0, 8)}`);
  }
}

/** Somebody comes later, reads what was said, and says so. */
async function comeLate(stage: Stage, reader: Reader): Promise<void> {
  const [name, text] = LATE;
  await new Promise((resolve) => setTimeout(resolve, LATE_MS));
  {
    const heading = `\n${name} comes late. The room remembers:\n`;
    const args = ["--history", "20", "--quiet", "--no-announce"];
    await using late = new Reader(stage, name, heading, ...args);
    await late.shows("== now");
  }
  console.error();
  await using linus = new Person(stage, name);
  await linus.say(text);
  await reader.shows(text);
}

/** Sends what stdin brings, through the publisher. */
async function publishStdin(
  stage: Stage,
  args: string[],
): Promise<number> {
  const { status } = script(
    stage,
    "publisher.ts",
    ["--name", "You", ...args],
    { stdin: "inherit" },
  );
  return (await status).code;
}

/**
 * Runs the demo.
 *
 * @returns The exit code: 0, or that of the publisher that sent stdin's lines.
 */
export async function main(): Promise<number> {
  await using broker = await openBroker();
  const heading =
    `A broker of our own, at ${broker.url}; the room, ${TOPIC}:\n`;
  const stage: Stage = { broker, children: new Set() };
  onEndSignals(async () => {
    await endAll(stage.children);
    Deno.exit(INTERRUPTED);
  });
  const isTerminal = Deno.stdin.isTerminal();
  {
    await using reader = new Reader(stage, "Reader", heading, "--keep", "20");
    await reader.shows("now subscribed");
    await converse(stage, reader);
    await comeLate(stage, reader);
    if (!isTerminal) {
      const code = await publishStdin(stage, []);
      await using last = new Person(stage, GOODBYE[0]);
      await last.say(GOODBYE[1]);
      await reader.shows(GOODBYE[1]);
      return code;
    }
  }
  console.error("\nYour turn. Type a line; Ctrl-D or exit ends the demo.\n");
  return await publishStdin(stage, ["--follow"]);
}

if (import.meta.main) Deno.exit(await main());
