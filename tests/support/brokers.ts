/**
 * Brokers for tests: the embedded one with its users, and servers that answer
 * each packet as a test wants, also wrongly.
 */

import { Buffer } from "node:buffer";
import type { Packet, PacketCmd } from "mqtt-packet";
import {
  type BrokerOptions,
  type RunningBroker,
  startBroker,
  USERS,
} from "../../lib/broker/broker.ts";
import { News } from "./patience.ts";
import {
  connack,
  encode,
  oldConnack,
  type PacketOf,
  parser,
  PINGRESP,
} from "./packets.ts";

export async function openBroker(
  options?: BrokerOptions,
): Promise<RunningBroker> {
  return await startBroker({ users: USERS, ...options });
}

/** The address as `--host` takes it. */
export function hostOf({ port }: { port: number }): string {
  return `127.0.0.1:${port}`;
}

export const TOPIC = "chat/room";

export function at(broker: { port: number }, ...args: string[]): string[] {
  return ["--host", hostOf(broker), "--topic", TOPIC, ...args];
}

/**
 * What a server does about a packet: answers with bytes, or as usual but with a
 * reason code, or closes.
 */
export type Action = Iterable<number> | number | "close" | undefined;

type Sent = Exclude<Action, number>;

export type Answer = (packet: Packet, link: FakeLink) => Sent;

export type Answers = {
  [C in PacketCmd]?: (packet: PacketOf<C>, link: FakeLink) => Action;
};

/** The usual answers, each with the code that it has unless another is given. */
type Replies = {
  [C in PacketCmd]?: (packet: PacketOf<C>, code?: number) => Sent;
};

/**
 * Accepts every login, grants and acknowledges all; `answers` win. A server of
 * MQTT 3.1.1 refuses a CONNECT of MQTT 5 with code 1.
 */
export function letIn(answers: Answers, version: 4 | 5 = 5): Answer {
  const replies: Replies = {
    connect: (
      { protocolVersion = 4 },
      code = protocolVersion > version ? 1 : 0,
    ) => version === 5 ? connack(code) : oldConnack(code),
    publish({ qos, messageId }, reasonCode = 0) {
      const cmd = qos === 2 ? "pubrec" : "puback";
      return qos > 0
        ? encode({ cmd, messageId, reasonCode }, version)
        : undefined;
    },
    pubrel: ({ messageId }, reasonCode = 0) =>
      encode({ cmd: "pubcomp", messageId, reasonCode }, version),
    subscribe: ({ messageId }, code = 1) =>
      encode({ cmd: "suback", messageId, granted: [code] }, version),
    unsubscribe: ({ messageId }) =>
      encode({ cmd: "unsuback", messageId, granted: [0] }, version),
    pingreq: () => PINGRESP,
  };
  return (packet, link) => {
    const { cmd } = packet;
    const action = answers[cmd]?.(packet as never, link);
    return typeof action === "number" || !(cmd in answers)
      ? replies[cmd]?.(packet as never, action as number | undefined)
      : action;
  };
}

export class FakeLink {
  constructor(
    private readonly connection: Deno.TcpConn,
    /** Which connection it is, from 1. */
    readonly number: number,
    private readonly answer: Answer,
  ) {}

  async send(bytes: Iterable<number>): Promise<void> {
    await this.connection.write(Uint8Array.from(bytes));
  }

  close(): void {
    closeOnce(this.connection);
  }

  async serve(heard: News<Heard>): Promise<void> {
    const packets: Packet[] = [];
    const reader = parser().on("packet", (packet) => packets.push(packet));
    try {
      for await (const chunk of this.connection.readable) {
        reader.parse(Buffer.from(chunk));
        for (const packet of packets.splice(0)) {
          heard.add({ ...packet, link: this });
          const action = this.answer(packet, this);
          if (action === "close") return this.close();
          if (action) await this.send(action);
        }
      }
    } catch {
      // The other side has closed.
    }
    this.close();
  }
}

export type Heard<C extends PacketCmd = PacketCmd> = PacketOf<C> & {
  link: FakeLink;
};

export class FakeBroker implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly port = this.#listener.addr.port;
  readonly #links: FakeLink[] = [];
  readonly #serving: Promise<void>;
  readonly heard: News<Heard> = new News("packets");

  /** Starts it; `answer` is silence unless given. */
  constructor(answer: Answer = () => undefined) {
    this.#serving = this.#acceptAll(answer);
  }

  get connections(): number {
    return this.#links.length;
  }

  /** The next packet of a kind, of those not passed yet. */
  async next<C extends PacketCmd>(
    cmd: C,
    isWanted: (packet: Heard<C>) => boolean = () => true,
  ): Promise<Heard<C>> {
    return await this.heard.next((packet) =>
      packet.cmd === cmd && isWanted(packet as Heard<C>)
    ) as Heard<C>;
  }

  /** Closes the connection that the last packet came over. */
  drop(): void {
    this.heard.all.at(-1)!.link.close();
  }

  all<C extends PacketCmd>(cmd: C): Heard<C>[] {
    return this.heard.all.filter((packet) => packet.cmd === cmd) as Heard<C>[];
  }

  /** The topics asked for, over all connections or one of them. */
  asked(number?: number): string[] {
    return this.all("subscribe")
      .filter(({ link }) => number === undefined || link.number === number)
      .flatMap(({ subscriptions }) => subscriptions.map(({ topic }) => topic));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeOnce(this.#listener);
    for (const link of this.#links) link.close();
    await this.#serving;
  }

  async #acceptAll(answer: Answer): Promise<void> {
    const served: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      const link = new FakeLink(connection, this.connections + 1, answer);
      this.#links.push(link);
      served.push(link.serve(this.heard));
    }
    await Promise.all(served);
  }
}

function closeOnce(connection: { close(): void }): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
