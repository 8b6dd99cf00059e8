/** The programs of a measurement, and a client that costs little. */

import "../lib/mqtt/library_env.ts"; // first: mqtt-packet reads the environment on loading
import { Buffer } from "node:buffer";
import { generate, type PacketCmd, parser } from "mqtt-packet";
import { encodeFor, type Protection } from "../lib/codec.ts";

export type Command = readonly string[];

export interface Room {
  topics: readonly string[];
  qos: 0 | 1;
}

/** The flags of a room, for every program. */
export const roomFlags = ({ topics, qos }: Room): string[] => [
  ...["-q", `${qos}`],
  ...topics.flatMap((topic) => ["-t", topic]),
];

export const ROOT: string = new URL("..", import.meta.url).pathname;

/** The text at the end of the last message of a batch, and of no other. */
export const LAST = "and that was the last one.";

/** How much of the end of a program's output is searched, in bytes. */
const TAIL_BYTES = 2_048;
/** After a shorter read the benchmark leaves the program its processor. */
const SMALL_READ_BYTES = 16_384;

export const wait = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));

const running = new Set<Running>();
export function killAll(): void {
  for (const process of running) process.kill();
}

/** Runs a command, for at most a minute, and returns its output. */
export async function read(command: Command, cwd = ROOT): Promise<string> {
  const process = new Running(command, cwd, AbortSignal.timeout(60_000));
  const output = await new Response(process.child.stdout).text();
  await process.success();
  return output;
}

export class Running {
  readonly child: Deno.ChildProcess;
  readonly stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly ended: Promise<number>;
  readonly #stderr: Promise<string>;
  #stdout?: ReadableStreamDefaultReader<Uint8Array>;
  #tail = "";
  lines = 0;

  constructor([file, ...args]: Command, cwd = ROOT, signal?: AbortSignal) {
    const pipes = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    // In a group of its own: Ctrl-C reaches the benchmark, which ends the rest.
    const options = { args, cwd, signal, detached: true, ...pipes };
    this.child = new Deno.Command(file, options).spawn();
    this.stdin = this.child.stdin.getWriter();
    this.#stderr = new Response(this.child.stderr).text();
    running.add(this);
    this.ended = this.child.status.then(({ code }) => {
      running.delete(this);
      return code;
    });
  }

  kill(signal: Deno.Signal = "SIGKILL"): void {
    try {
      if (running.has(this)) Deno.kill(-this.child.pid, signal);
    } catch {
      // It has just ended.
    }
  }

  /** Has it leave: the session of a killed one would queue all that follows. */
  async end(): Promise<void> {
    this.kill("SIGTERM");
    const limit = setTimeout(() => this.kill(), 5_000);
    await this.ended;
    clearTimeout(limit);
  }

  /** Waits for its end; throws when its exit code is not 0. */
  async success(): Promise<void> {
    const code = await this.ended;
    if (code !== 0) await this.fail(`ended with code ${code}`);
  }

  async fail(what: string): Promise<never> {
    await this.end();
    const said = (await this.#stderr).slice(-2_000);
    throw new Error(`A program ${what}.\n${said}`);
  }

  /** Reads its output until a text is at the end; throws when it is missing. */
  async until(text: string, isPaced = true): Promise<void> {
    this.#stdout ??= this.child.stdout.getReader();
    while (!this.#tail.includes(text)) {
      const { value, done } = await this.#stdout.read();
      if (done) return this.fail(`printed no "${text}"`);
      for (let at = -1; (at = value.indexOf(10, at + 1)) !== -1;) this.lines++;
      const end = new TextDecoder().decode(value.subarray(-TAIL_BYTES));
      this.#tail = (this.#tail + end).slice(-TAIL_BYTES);
      if (isPaced && value.length < SMALL_READ_BYTES) await wait(1);
    }
  }

  /** Returns its peak memory in MB, if it has ended and ran under GNU time. */
  async peakRss(): Promise<number | undefined> {
    const kilobytes = (await this.#stderr).trim().split("\n").at(-1);
    return Number(kilobytes) * 0.001024 || undefined;
  }

  /** Returns the CPU time of all its threads in ms, and its memory in MB. */
  async usage() {
    const folder = `/proc/${this.child.pid}`;
    // Deno itself reads /proc only with every permission.
    const text = await read(["cat", `${folder}/status`, `${folder}/stat`]);
    const [rss, privateRss, peakRss] = ["VmRSS", "RssAnon", "VmHWM"].map((it) =>
      Number(text.match(`\n${it}:\\s*(\\d+) kB`)?.[1]) * 0.001024
    );
    // proc_pid_stat(5): utime and stime are fields 14 and 15, in ticks of 10
    // ms; the second field is a name in brackets, of any characters.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const cpu = (Number(fields[14 - 3]) + Number(fields[15 - 3])) * 10;
    return { cpu, rss, privateRss, peakRss };
  }
}

/** Starts listeners of a command, and probes until each prints a probe. */
export async function startListeners(
  port: number,
  command: Command,
  { topics }: Room,
  protection?: Protection,
  count = 1,
): Promise<Running[]> {
  const text = "Does this listener hear?";
  // Subscriptions are made in order: the last topic stands for all.
  const probe = packetOf(topics.at(-1)!, text, protection);
  const listeners = Array.from({ length: count }, () => new Running(command));
  using client = await BareClient.connect(port);
  let areReady = false;
  const ready = Promise.all(listeners.map((it) => it.until(text)))
    .finally(() => areReady = true);
  while (!areReady) {
    await client.send(probe);
    await Promise.race([wait(30), ready]);
  }
  for (const listener of listeners) listener.lines = 0;
  return listeners;
}

/** A line of about 80 bytes, unique by its number. */
export const lineOf = (index: number) =>
  `${String(index).padStart(7, "0")} The build is green, and lunch is at ` +
  "half past twelve in the usual place.";

/** Packets with messages of about 200 bytes, to the topics in turn. */
export function batchOf(
  count: number,
  { topics, qos }: Room,
  protection?: Protection,
): Uint8Array {
  const packets = Array.from({ length: count }, (_, index) => {
    const text = index < count - 1 ? lineOf(index) : `${lineOf(index)} ${LAST}`;
    const topic = topics[index % topics.length];
    return packetOf(topic, text, protection, qos, 1 + index % 0xffff);
  });
  return Buffer.concat(packets);
}

function packetOf(
  topic: string,
  message: string,
  protection?: Protection,
  qos: 0 | 1 = 0,
  messageId = 1,
): Buffer {
  const id = crypto.randomUUID();
  const at = new Date().toISOString();
  const chat = { type: "message", from: "Ada", message, id, at } as const;
  const payload = encodeFor(topic, chat, protection);
  const flags = { dup: false, retain: false };
  return generate({ cmd: "publish", topic, payload, qos, messageId, ...flags });
}

/**
 * Sends packets encoded beforehand and counts what comes: it reaches the
 * broker's own limit, and costs every program the same.
 */
export class BareClient implements Disposable {
  readonly #counts = new Map<PacketCmd, number>();
  readonly #packets = parser().on("packet", ({ cmd }) => {
    this.#counts.set(cmd, this.came(cmd) + 1);
  });
  readonly #connection: Deno.TcpConn;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Connects and, given a topic, subscribes to it at QoS 0. */
  static async connect(port: number, topic?: string): Promise<BareClient> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay();
    const client = new BareClient(connection);
    const clientId = `bare-${crypto.randomUUID()}`;
    await client.send(generate({ cmd: "connect", clientId, keepalive: 0 }));
    await client.until("connack", 1);
    if (topic === undefined) return client;
    const subscriptions = [{ topic, qos: 0 as const }];
    const packet = { cmd: "subscribe", messageId: 1, subscriptions } as const;
    await client.send(generate(packet));
    await client.until("suback", 1);
    return client;
  }

  async send(packets: Uint8Array): Promise<void> {
    for (let rest = packets; rest.length > 0;) {
      rest = rest.subarray(await this.#connection.write(rest));
    }
  }

  came(kind: PacketCmd): number {
    return this.#counts.get(kind) ?? 0;
  }

  /** Reads until so many packets of a kind have come. */
  async until(kind: PacketCmd, count: number): Promise<void> {
    while (this.came(kind) < count) {
      const bytes = Buffer.allocUnsafe(65_536); // a part may be kept by the parser
      const length = await this.#connection.read(bytes);
      if (length === null) throw new Error("The broker closed a connection.");
      this.#packets.parse(bytes.subarray(0, length));
    }
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}
