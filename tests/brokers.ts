/**
 * Brokers for tests: the embedded one with the project's users and rights, and
 * servers that behave as no good broker does.
 *
 * @module
 */

import {
  type BrokerOptions,
  readAccess,
  type RunningBroker,
  startBroker,
} from "../lib/broker.ts";

/**
 * Starts the embedded broker, with the users and rights of mosquitto.conf.
 *
 * @param options What is to be different; a free port unless given.
 * @returns The broker; disposing of it ends it.
 */
export async function openBroker(
  options?: BrokerOptions,
): Promise<RunningBroker> {
  return await startBroker({ ...await readAccess(), ...options });
}

/** The address as `--host` takes it. */
export function hostOf({ port }: { port: number }): string {
  return `127.0.0.1:${port}`;
}

/** A port that nothing listens on. */
export function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** The packets that a {@link FakeBroker} may answer, or "other". */
export type PacketName = "connect" | "publish" | "subscribe" | "other";

/** The types of packets (MQTT 5 §2.1.2) that have a name here. */
const NAMES = new Map<number, PacketName>([
  [1, "connect"],
  [3, "publish"],
  [8, "subscribe"],
]);

/** A packet as it came: what it is, and what follows its length. */
export interface Packet {
  name: PacketName;
  body: Uint8Array;
}

/** CONNACK of MQTT 5 with a reason code, without properties. */
export const connack = (code = 0) => [0x20, 3, 0, code, 0];

/** PUBACK of MQTT 5 for a PUBLISH at QoS 1. */
export function puback({ body }: Packet, code = 0): number[] {
  const id = 2 + (body[0] << 8 | body[1]);
  return [0x40, 4, body[id], body[id + 1], code, 0];
}

/** Says what to answer to a packet: bytes, nothing, or to hang up. */
export type Answer = (packet: Packet) => number[] | "close" | undefined;

/** SUBACK of MQTT 5 for a SUBSCRIBE without properties. */
export function suback({ body }: Packet, ...codes: number[]): number[] {
  return [0x90, 3 + codes.length, body[0], body[1], 0, ...codes];
}

/** MQTT 5: lets everybody in, takes everything, or does as it is told. */
export function letIn(answers: Partial<Record<PacketName, Answer>>): Answer {
  const usual: typeof answers = {
    connect: () => connack(),
    publish: (packet) => puback(packet),
    subscribe: (packet) => suback(packet, 1),
  };
  return (packet) => (answers[packet.name] ?? usual[packet.name])?.(packet);
}

/** A server that answers each packet as it is told. */
export class FakeBroker implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #serving: Promise<void>;
  readonly #answer: Answer;
  /** How many connections it was asked for. */
  connections = 0;

  /**
   * Starts it.
   *
   * @param answer Its answer to each packet; silence unless given.
   */
  constructor(answer: Answer = () => undefined) {
    this.#answer = answer;
    this.#serving = this.#acceptAll();
  }

  /** The port it listens on. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Is gone, as a broker that was killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#listener.close();
    } catch {
      // It is gone already.
    }
    for (const connection of this.#connections) this.#close(connection);
    await this.#serving;
  }

  async #acceptAll(): Promise<void> {
    const served: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.connections++;
      this.#connections.add(connection);
      served.push(this.#serve(connection));
    }
    await Promise.all(served);
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    try {
      for await (const packet of packets(connection)) {
        const answer = this.#answer(packet);
        if (answer === "close") break;
        if (answer) await connection.write(Uint8Array.from(answer));
      }
    } catch {
      // The other side was quicker to hang up.
    }
    this.#close(connection);
  }

  #close(connection: Deno.TcpConn): void {
    if (this.#connections.delete(connection)) connection.close();
  }
}

/** Cuts what a connection brings into packets. */
async function* packets(connection: Deno.TcpConn): AsyncGenerator<Packet> {
  const chunk = new Uint8Array(4096);
  let bytes: number[] = [];
  for (;;) {
    const count = await connection.read(chunk);
    if (count === null) return;
    bytes.push(...chunk.subarray(0, count));
    for (let size = packetSize(bytes); size <= bytes.length;) {
      const headerSize = size - bodySize(bytes)!;
      const body = Uint8Array.from(bytes.slice(headerSize, size));
      yield { name: NAMES.get(bytes[0] >> 4) ?? "other", body };
      bytes = bytes.slice(size);
      size = packetSize(bytes);
    }
  }
}

/** How many bytes the first packet takes; Infinity while that is unknown. */
function packetSize(bytes: number[]): number {
  const size = bodySize(bytes);
  if (size === undefined) return Infinity;
  return size + 1 + bytes.slice(1).findIndex((byte) => byte < 0x80) + 1;
}

/** What the length field of the first packet says, once it is there. */
function bodySize(bytes: number[]): number | undefined {
  const last = bytes.slice(1).findIndex((byte) => byte < 0x80);
  if (last === -1) return undefined;
  return bytes.slice(1, last + 2)
    .reduce((sum, byte, index) => sum + (byte & 0x7f) * 128 ** index, 0);
}
