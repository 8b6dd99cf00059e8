/**
 * A long conversation, and the account of it: a publisher and a listener as
 * processes, while something is done to the links between them.
 */

import { type Process, run, start } from "./processes.ts";

export interface ConversationOptions {
  publisherHost: string;
  listenerHost: string;
  messages: number;
  /** How often something happens to it. */
  disruptions: number;
  /** What happens; returns once it has. */
  disrupt: () => Promise<void> | void;
  flags?: string[];
}

export interface Account {
  code: number;
  stderr: string;
  /** How many different messages the listener showed. */
  shown: number;
  doubled: number;
  /** Whether it showed them in the order they were said. */
  isOrdered: boolean;
  /** How many gaps it told of, and in how many something may be missing. */
  gaps: number;
  mayMiss: number;
}

/** How long the last acknowledgements may take. */
const PATIENCE_MS = 60_000;

/**
 * After this a connection is taken for stable and the next loss is answered at
 * once again (lib/mqtt/link.ts). Waiting it out keeps the test short, nothing more.
 */
const STABLE_MS = 2_100;

export async function converse(options: ConversationOptions): Promise<Account> {
  const { publisherHost, listenerHost, messages, disruptions } = options;
  const flags = ["-t", "chat/endurance", ...options.flags ?? []];
  await using listener = start("listener.ts", ["-h", listenerHost, ...flags]);
  await listener.stdout.line(/now subscribed/);
  await using publisher = start(
    "publisher.ts",
    ["-h", publisherHost, ...flags, "--timeout", "30"],
  );
  let said = 0;
  const sayUpTo = (end: number) => {
    let text = "";
    while (said < end) text += `n ${++said}\n`;
    return publisher.write(text);
  };
  await sayUpTo(1);
  await listener.stdout.line(/: n 1$/);
  for (let i = 1; i <= disruptions; i++) {
    const share = Math.floor((messages * i) / (disruptions + 1));
    // In the middle of the stream: neither waits for what is on its way.
    const writing = sayUpTo(share);
    await options.disrupt();
    await writing;
    await bothAreBack(publisher, listener);
  }
  await sayUpTo(messages);
  await publisher.endInput();
  const { code, stderr } = await publisher.outcome(PATIENCE_MS);
  const last = ["-h", listenerHost, "-t", "chat/endurance", "-m", "the end"];
  await run("publisher.ts", last);
  await listener.stdout.line(/: the end$/);
  listener.signal("SIGINT");
  const { stdout } = await listener.outcome();
  return { code, stderr, ...accountOf(stdout) };
}

/** Waits until both scripts are connected again, for long enough. */
async function bothAreBack(
  publisher: Process,
  listener: Process,
): Promise<void> {
  await Promise.all(
    [publisher, listener].map(({ stderr }) => stderr.line(/^Connected again/)),
  );
  await becomesStable();
}

export async function becomesStable(): Promise<void> {
  await new Promise((stable) => setTimeout(stable, STABLE_MS));
}

function accountOf(
  stdout: string,
): Pick<Account, "shown" | "doubled" | "isOrdered" | "gaps" | "mayMiss"> {
  const numbers = [...stdout.matchAll(/chat: n (\d+)$/gm)].map(([, n]) =>
    Number(n)
  );
  const shown = new Set(numbers).size;
  return {
    shown,
    doubled: numbers.length - shown,
    isOrdered: numbers.every((n, i) => i === 0 || n > numbers[i - 1]),
    gaps: stdout.match(/ == Connected to /g)?.length ?? 0,
    mayMiss: stdout.match(/Messages may be missing here/g)?.length ?? 0,
  };
}
