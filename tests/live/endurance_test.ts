/**
 * Nothing is lost and nothing doubled while brokers restart and links break,
 * against a real Mosquitto; and where something can be lost, it is said.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { FaultProxy, type Way } from "../support/fault_proxy.ts";
import { gate, NO_MOSQUITTO } from "../support/gates.ts";
import { PATIENCE_MS } from "../support/patience.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { run, start } from "../support/processes.ts";
import { becomesStable, Counter, tally } from "../support/tally.ts";

const MESSAGES = 10_000;

const live = gate(NO_MOSQUITTO);

/** Twenty restarts in good order: the broker writes its sessions down. */
async function restarts(): Promise<void> {
  await using broker = await Mosquitto.start({ persistence: true });
  const account = await converseOver(broker, "SIGTERM");
  console.log("20 restarts (SIGTERM, persistence):", figures(account));
  assertEquals(complete(account), true, JSON.stringify(account));
  assertEquals([account.gaps, account.mayMiss], [20, 0]);
}

/** Twenty crashes of a broker that writes nothing down. */
async function crashes(): Promise<void> {
  await using broker = await Mosquitto.start();
  const account = await converseOver(broker, "SIGKILL");
  console.log("20 crashes (SIGKILL, no persistence):", figures(account));
  // What the broker had acknowledged and not passed on is gone; the rest not.
  assertEquals(account.code, 0, account.stderr);
  assertEquals([account.doubled, account.isOrdered], [0, true]);
  assertEquals([account.gaps, account.mayMiss], [20, 20]);
  assertGreater(account.shown, 0);
}

/** Fifty cuts, each of the publisher's link and the listener's. */
async function cuts(): Promise<void> {
  await using broker = await Mosquitto.start();
  const target = { targetPort: broker.port };
  await using forPublisher = await FaultProxy.start(target);
  await using forListener = await FaultProxy.start(target);
  const proxies = [forPublisher, forListener];
  const account = await converse({
    publisherHost: forPublisher.host,
    listenerHost: forListener.host,
    messages: MESSAGES,
    disruptions: 25,
    async disrupt() {
      // At a random place of the stream, which is longer than that each time.
      await Promise.all(proxies.map(async (proxy) => {
        const way = proxy === forPublisher ? "up" : "down";
        await passes(proxy, way, Math.random() * 20_000);
        proxy.cut(Math.random() < 0.5 ? "reset" : "close");
      }));
    },
  });
  const count = forPublisher.cuts + forListener.cuts;
  console.log(`${count} link cuts:`, figures(account));
  assertEquals(count, 50);
  assert(complete(account), JSON.stringify(account));
  assertEquals([account.gaps, account.mayMiss], [25, 0]);
}

/** Waits until so many bytes more have gone through, and not for many more. */
async function passes(proxy: FaultProxy, way: Way, more: number) {
  const target = proxy.passed[way] + more;
  const deadline = performance.now() + PATIENCE_MS;
  while (proxy.passed[way] < target) {
    assert(performance.now() < deadline, "it stands still");
    await new Promise((look) => setTimeout(look, 1));
  }
}

/** A conversation over a broker that is ended and started twenty times. */
function converseOver(
  broker: Mosquitto,
  signal: Deno.Signal,
): Promise<Account> {
  return converse({
    publisherHost: broker.host,
    listenerHost: broker.host,
    messages: MESSAGES,
    disruptions: 20,
    async disrupt() {
      await broker.down(signal);
      await broker.up();
    },
  });
}

function complete(account: Account): boolean {
  const { code, shown, doubled, isOrdered } = account;
  return code === 0 && shown === MESSAGES && doubled === 0 && isOrdered;
}

function figures(account: Account): string {
  const { code, shown, doubled, isOrdered, gaps, mayMiss } = account;
  return `published ${MESSAGES} (exit ${code}), shown ${shown}, doubled ` +
    `${doubled}, order ${isOrdered ? "kept" : "broken"}; the listener told ` +
    `of ${gaps} gaps, ${mayMiss} of them with messages that may be missing`;
}

live("restarts, crashes and cuts in the middle of a stream", async () => {
  // Together, since each mostly waits for its next reconnect.
  await Promise.all([restarts(), crashes(), cuts()]);
});

interface ConversationOptions {
  publisherHost: string;
  listenerHost: string;
  messages: number;
  /** How often something happens to it. */
  disruptions: number;
  /** What happens; returns once it has. */
  disrupt: () => Promise<void> | void;
  flags?: string[];
}

interface Account {
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

/** A publisher and a listener talk while something is done to their links. */
async function converse(options: ConversationOptions): Promise<Account> {
  const { publisherHost, listenerHost, messages, disruptions } = options;
  const flags = ["-t", "chat/endurance", ...options.flags ?? []];
  await using listener = start("listener.ts", ["-h", listenerHost, ...flags]);
  await listener.stdout.line(/now subscribed/);
  await using publisher = start(
    "publisher.ts",
    ["-h", publisherHost, ...flags, "--timeout", "30"],
  );
  const counter = new Counter(publisher);
  await counter.sayUpTo(1);
  await listener.stdout.line(/: n 1$/);
  for (let i = 1; i <= disruptions; i++) {
    const share = Math.floor((messages * i) / (disruptions + 1));
    // In the middle of the stream: neither waits for what is on its way.
    const writing = counter.sayUpTo(share);
    await options.disrupt();
    await writing;
    await Promise.all(
      [publisher, listener].map(({ stderr }) =>
        stderr.line(/^Connected again/)
      ),
    );
    await becomesStable();
  }
  await counter.sayUpTo(messages);
  await publisher.endInput();
  const { code, stderr } = await publisher.outcome();
  const last = ["-h", listenerHost, "-t", "chat/endurance", "-m", "the end"];
  await run("publisher.ts", last);
  await listener.stdout.line(/: the end$/);
  listener.signal("SIGINT");
  const { stdout } = await listener.outcome();
  const { shown: numbers, doubled } = tally(stdout);
  return {
    ...{ code, stderr, doubled, shown: numbers.length - doubled },
    isOrdered: numbers.every((n, i) => i === 0 || n > numbers[i - 1]),
    gaps: stdout.match(/ == Connected to /g)?.length ?? 0,
    mayMiss: stdout.match(/Messages may be missing here/g)?.length ?? 0,
  };
}
