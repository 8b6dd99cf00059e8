/** The chat client within the test's own process, with what happens to it. */

import {
  ChatClient,
  type ClientOptions,
  type Status,
} from "../../lib/client.ts";
import type { QoS, Received } from "../../lib/protocol.ts";
import { type Answers, FakeBroker, hostOf, letIn } from "./brokers.ts";
import { TestClock } from "./clock.ts";
import { becomesTrue, inTime, News } from "./patience.ts";

type StatusOf<T extends Status["type"]> = Extract<Status, { type: T }>;

export class Member implements AsyncDisposable {
  readonly statuses: News<Status> = new News("statuses");
  readonly received: News<Received> = new News("messages");
  /** Its clock. Only waits for a reconnect end by themselves, and at once. */
  readonly clock: TestClock = new TestClock(Date.now());
  #used: TestClock = this.clock;
  client!: ChatClient;

  /** Connects to one of some servers, with the defaults but for the time-out. */
  static async connect(
    servers: { port: number } | { port: number }[],
    options: Partial<ClientOptions> = {},
  ): Promise<Member> {
    const member = new Member();
    if (options.clock instanceof TestClock) member.#used = options.clock;
    member.client = await ChatClient.connect({
      brokers: [servers].flat().map(hostOf),
      username: "chat",
      password: "chat",
      timeout: 5,
      onReceived: (received) => member.received.add(received),
      onStatus(status) {
        member.statuses.add(status);
        if (status.type !== "reconnecting") return;
        member.clock.advance(status.seconds * 1000);
      },
      clock: member.clock,
      ...options,
    });
    return member;
  }

  async next<T extends Status["type"]>(
    type: T,
    isWanted: (status: StatusOf<T>) => boolean = () => true,
  ): Promise<StatusOf<T>> {
    return await this.statuses.next((status) =>
      status.type === type && isWanted(status as StatusOf<T>)
    ) as StatusOf<T>;
  }

  async say(message: string, topic = "room", qos: QoS = 1): Promise<void> {
    const payload = { type: "message", from: "ann", message } as const;
    await this.client.send(topic, payload, qos);
  }

  reports<T extends Status["type"]>(type: T): StatusOf<T>[] {
    const isWanted = (status: Status) => status.type === type;
    return this.statuses.all.filter(isWanted) as StatusOf<T>[];
  }

  /** The kinds of all statuses, without the steps. */
  get kinds(): string[] {
    const kinds = this.statuses.all.map(({ type }) => type);
    return kinds.filter((type) => type !== "step");
  }

  /** The waits before reconnects, in seconds and without their jitter. */
  get waits(): number[] {
    return this.reports("reconnecting")
      .map(({ seconds }) => 2 ** Math.ceil(Math.log2(seconds)));
  }

  async texts(count: number): Promise<string[]> {
    return (await this.received.take(count)).map(textOf);
  }

  /** Ends it as a crash would; fails where one of its timers is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.client.abort();
    await this.#used.advance(0);
    const isIdle = () => this.#used.nextIn === undefined;
    if (!await becomesTrue(isIdle, 2_000)) throw new Error("A timer is left.");
  }
}

export function textOf({ payload }: Received): string {
  return payload.type === "message" ? payload.message : payload.type;
}

/** The error of what fails, with its name. */
export const errorOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => "none", String);

/** A broker's answers, and the options of the client that connects to it. */
type MemberScene = Answers & { options?: Partial<ClientOptions> };

/** Registers tests of a client at a broker that answers as each test wants. */
export const memberTests = (subject: string) =>
(
  name: string,
  { options, ...answers }: MemberScene,
  test: (scene: { broker: FakeBroker; member: Member }) => Promise<void>,
): void => {
  const version = options?.protocolVersion === 4 ? 4 : 5;
  Deno.test(`${subject}: ${name}`, async () => {
    await using broker = new FakeBroker(letIn(answers, version));
    await using member = await Member.connect(broker, options);
    await inTime(test({ broker, member }));
  });
};
