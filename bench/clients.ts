/** Both ends of a measurement: a client that costs little, and listeners. */

import "../lib/mqtt/library_env.ts"; // first: mqtt-packet reads the environment on loading
import { Buffer } from "node:buffer";
import { generate, type PacketCmd, parser } from "mqtt-packet";
import { encodeFor, type Protection } from "../lib/codec.ts";
import { Progress, within } from "../lib/timer.ts";
import { Running } from "./processes.ts";
import { type Program, roomFlags } from "./programs.ts";

/** The text at the end of the last message of a batch, and of no other. */
export const LAST = "and that was the last one.";

const PROBE = "Does this listener hear?";

/** How long an answer or more output may take, in seconds. */
const PATIENCE_S = 120;

/** A paced reader pauses after a read of fewer bytes. */
const SMALL_READ_BYTES = 16_384;

/** How much of the end of a listener's output is searched, in bytes. */
const TAIL_BYTES = 2_048;

export interface Room {
  topics: readonly string[];
  qos: 0 | 1;
}

export const wait = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A line of about 80 bytes, unique by its number. */
export function lineOf(index: number): string {
  const number = `${index}`.padStart(7, "0");
  return `${number} The build is green, and lunch is at half past twelve ` +
    "in the usual place.";
}

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

/** A chat message as a PUBLISH packet. */
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

/** Reads a stream to its end, and waits for what it brings. */
class Incoming {
  readonly #progress = new Progress();
  #reads = 0;
  #hasEnded = false;

  /**
   * A paced reader pauses after a small read: otherwise a program that writes
   * line by line would share its processor with its reader.
   */
  constructor(
    stream: ReadableStream<Uint8Array>,
    take: (bytes: Uint8Array) => void,
    isPaced = false,
  ) {
    const read = async () => {
      for await (const bytes of stream) {
        take(bytes);
        this.#reads++;
        this.#progress.made();
        if (isPaced && bytes.length < SMALL_READ_BYTES) await wait(1);
      }
    };
    // A broken stream has ended, too.
    read().catch(() => {}).finally(() => {
      this.#hasEnded = true;
      this.#progress.made();
    });
  }

  /** Waits for a condition, as long as bytes come within `silence` seconds. */
  async until(isTrue: () => boolean, silence: number): Promise<boolean> {
    let reads = -1;
    while (!isTrue() && !this.#hasEnded && reads < this.#reads) {
      reads = this.#reads;
      await within(silence, this.#progress.next);
    }
    return isTrue();
  }
}

/**
 * Sends packets encoded beforehand and counts what comes: it reaches the
 * broker's own limit, and costs every program the same.
 */
export class BareClient implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #incoming: Incoming;
  readonly #counts = new Map<PacketCmd, number>();

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    const packets = parser().on("packet", ({ cmd }) => {
      this.#counts.set(cmd, (this.#counts.get(cmd) ?? 0) + 1);
    });
    const take = ({ buffer, byteOffset, length }: Uint8Array) =>
      void packets.parse(Buffer.from(buffer, byteOffset, length));
    this.#incoming = new Incoming(connection.readable, take);
  }

  /** Connects and, given a topic, subscribes to it at QoS 0. */
  static async connect(port: number, topic?: string): Promise<BareClient> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay();
    const client = new BareClient(connection);
    const clientId = `bare-${crypto.randomUUID()}`;
    await client.send(generate({ cmd: "connect", clientId, keepalive: 0 }));
    await client.expect("connack", 1);
    if (topic !== undefined) {
      const subscriptions = [{ topic, qos: 0 as const }];
      const packet = { cmd: "subscribe" as const, messageId: 1, subscriptions };
      await client.send(generate(packet));
      await client.expect("suback", 1);
    }
    return client;
  }

  async send(packets: Uint8Array): Promise<void> {
    let rest = packets;
    while (rest.length > 0) {
      rest = rest.subarray(await this.#connection.write(rest));
    }
  }

  /** Returns how many packets came: all, or those before a silence. */
  async wait(kind: PacketCmd, count: number, silence: number): Promise<number> {
    const came = () => this.#counts.get(kind) ?? 0;
    await this.#incoming.until(() => came() >= count, silence);
    return came();
  }

  async expect(kind: PacketCmd, count: number): Promise<void> {
    const came = await this.wait(kind, count, PATIENCE_S);
    if (came >= count) return;
    throw new Error(`The broker sent ${came} of ${count} ${kind}, no more.`);
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

/** A listener, and what it printed. */
export class Listener {
  readonly process: Running;
  readonly #incoming: Incoming;
  #tail = "";
  lines = 0;

  private constructor({ listen }: Program, room: Room, isPaced: boolean) {
    const command = [...listen!, ...roomFlags(room)];
    this.process = new Running(command, { stdout: "piped" });
    const decoder = new TextDecoder();
    const take = (bytes: Uint8Array) => {
      for (let at = -1; (at = bytes.indexOf(10, at + 1)) !== -1;) this.lines++;
      const end = decoder.decode(bytes.subarray(-TAIL_BYTES));
      this.#tail = (this.#tail + end).slice(-TAIL_BYTES);
    };
    this.#incoming = new Incoming(this.process.child.stdout, take, isPaced);
  }

  /** Starts listeners of a program, and probes until each prints a probe. */
  static async start(
    port: number,
    program: Program,
    room: Room,
    { count = 1, isPaced = true } = {},
  ): Promise<Listener[]> {
    const listeners = Array.from(
      { length: count },
      () => new Listener(program, room, isPaced),
    );
    // Subscriptions are made in order: the last topic stands for all.
    const probe = packetOf(room.topics.at(-1)!, PROBE, program.protection);
    using client = await BareClient.connect(port);
    let areReady = false;
    const ready = Promise.all(listeners.map((it) => it.until(PROBE)))
      .finally(() => areReady = true);
    while (!areReady) {
      await client.send(probe);
      await Promise.race([wait(30), ready]);
    }
    for (const listener of listeners) listener.lines = 0;
    return listeners;
  }

  /** Waits for a text at the end of the output; throws when it is missing. */
  async until(text: string): Promise<void> {
    const isThere = () => this.#tail.includes(text);
    if (await this.#incoming.until(isThere, PATIENCE_S)) return;
    await this.process.fail(`${this.lines} lines came, but not "${text}"`);
  }
}
