import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ListenError,
  readAccess,
  startBroker,
} from "../../lib/broker/broker.ts"; // first: it empties the environment mqtt reads
import { Buffer } from "node:buffer";
import type { IClientOptions, MqttClient } from "mqtt";
import { parseAclFile } from "../../lib/broker/access.ts";
import { PacketMeter } from "../../lib/mqtt/packet_limit.ts";
import { parsePasswordFile } from "../../lib/broker/access.ts";
import { openBroker } from "../support/brokers.ts";
import { News } from "../support/news.ts";
import { connect as connectPacket, oldConnack } from "../support/packets.ts";
import { inTime } from "../support/patience.ts";
import { openClient } from "../support/peers.ts";
import { run, start } from "../support/processes.ts";

/** A test that fails where it would wait for ever. */
function test(name: string, body: () => Promise<void>): void {
  Deno.test(`broker: ${name}`, () => inTime(body()));
}

/** A client of MQTT.js that was let in, or wasn't. */
class Peer implements AsyncDisposable {
  readonly #inbox = new News<string>("messages");
  /** CONNACK's code; undefined when the connection ended without one. */
  code: number | undefined;
  /** Whether the broker had a session of this client. */
  sessionPresent = false;
  /** Done once the connection has ended. */
  readonly closed: Promise<void>;

  constructor(readonly mqtt: MqttClient) {
    this.closed = new Promise((resolve) => mqtt.once("close", () => resolve()));
    mqtt.on("message", (topic, payload) => {
      this.#inbox.add(`${topic} ${payload}`);
    });
  }

  /** What arrived, up to a line that must come, that line included. */
  async until(last: string): Promise<string[]> {
    return await this.#inbox.until((line) => line === last);
  }

  /** Publishes and waits for the acknowledgement. */
  async say(topic: string, text: string, qos: 0 | 1 | 2 = 1): Promise<void> {
    await this.mqtt.publishAsync(topic, text, { qos });
  }

  /** Subscribes; gives the granted QoS. */
  async hear(filter: string, qos: 0 | 1 | 2 = 1): Promise<number> {
    const [granted] = await this.mqtt.subscribeAsync(filter, { qos });
    return granted.qos;
  }

  /** Dies: the connection ends without DISCONNECT. */
  async die(): Promise<void> {
    this.mqtt.stream.destroy();
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mqtt.endAsync(!this.mqtt.connected);
  }
}

/** Connects and waits for the answer, whichever it is. */
async function connect(
  broker: { port: number },
  login?: string,
  options: Partial<IClientOptions> = {},
): Promise<Peer> {
  const [username, password] = login?.split("/") ?? [];
  const mqtt = openClient(broker, { username, password, ...options });
  const peer = new Peer(mqtt);
  await new Promise<void>((resolve) => {
    mqtt.on("connect", ({ sessionPresent }) => {
      peer.code = 0;
      peer.sessionPresent = sessionPresent;
      resolve();
    });
    mqtt.on("error", (error) => peer.code = (error as { code?: number }).code);
    peer.closed.then(resolve);
  });
  return peer;
}

/** Everything the broker answers to some bytes, to the end of the connection. */
async function answer(
  broker: { port: number },
  bytes: Uint8Array,
): Promise<number[]> {
  using socket = await Deno.connect({
    hostname: "127.0.0.1",
    port: broker.port,
  });
  await socket.write(bytes);
  const answered: number[] = [];
  try {
    for await (const chunk of socket.readable) answered.push(...chunk);
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return answered;
}

test("logins, by mosquitto.conf's users", async () => {
  await using broker = await openBroker();
  const logins: [string | undefined, number][] = [
    ["chat/chat", 0],
    ["Test/test", 0],
    ["Server/admin", 0],
    ["chat/wrong", 5],
    ["chat/", 5],
    ["Chat/chat", 5],
    ["nobody/nothing", 5],
    ["__proto__/x", 5],
    [undefined, 5],
  ];
  for (const [login, code] of logins) {
    await using peer = await connect(broker, login);
    assertEquals(peer.code, code, login);
  }
});

test("both kinds of password hashes", async () => {
  // Both by mosquitto_passwd 2.0.11: `old` of chat, `new` of test.
  const users = parsePasswordFile(
    "old:$6$AB3KKmlp1HKpS8ws$gfIkUs4u7tlMm1u7s8aX8cnDLIe7QNTc7e9HeB7iO4wL7OdvRJPTZICJjVyPdg8O6P9xLbp6kPXtkfjfYKghYg==\n" +
      "new:$7$101$MGTQPEhpaSmoszYI$onAfffF6AXL/caqewdPirm3dqerlKfvgmP0c3Hwf3go3aiPaNey8xYtaOM0eI1Vn4jjFiJsoqdRRSFaBs7aLuA==",
    "passwd",
  );
  await using broker = await startBroker({ users });
  for (const login of ["old/chat", "new/test", "old/test", "new/chat"]) {
    await using peer = await connect(broker, login);
    assertEquals(peer.code, ["old/chat", "new/test"].includes(login) ? 0 : 5);
  }
});

test("without users everybody may log in", async () => {
  await using broker = await startBroker();
  await using named = await connect(broker, "any/thing");
  await using nameless = await connect(broker);
  assertEquals([named.code, nameless.code], [0, 0]);
});

test("rules for clients without a user", async () => {
  const acl = parseAclFile("topic read open/#\n\nuser u\ntopic #", "acl");
  await using broker = await startBroker({ acl });
  await using writer = await connect(broker, "u/x");
  await using reader = await connect(broker);
  await reader.hear("#");
  await reader.say("open/x", "denied");
  await writer.say("closed", "not for you");
  await writer.say("open/x", "for you");
  assertEquals(await reader.until("open/x for you"), ["open/x for you"]);
});

test("MQTT 5 is refused with the CONNACK of 3.1.1, code 1", async () => {
  await using broker = await openBroker();
  await using peer = await connect(broker, "chat/chat", { protocolVersion: 5 });
  assertEquals(peer.code, 1);
  const hello = connectPacket({ protocolVersion: 5 });
  assertEquals(await answer(broker, hello), [...oldConnack(1)]);
});

test("a client gets its own message back", async () => {
  await using broker = await openBroker();
  await using peer = await connect(broker, "Test/test");
  assertEquals(await peer.hear("test/"), 1);
  await peer.say("test/", "Hello World");
  await peer.until("test/ Hello World");
});

test("a subscription to everything brings what may be read, no more", async () => {
  await using broker = await openBroker();
  await using server = await connect(broker, "Server/admin");
  await server.mqtt.publishAsync("kept", "secret", { qos: 1, retain: true });
  await server.mqtt.publishAsync("chat/kept", "hi", { qos: 1, retain: true });
  await using peer = await connect(broker, "chat/chat");
  assertEquals(await peer.hear("#"), 1);
  for (const topic of ["test/x", "chats", "kept", "chat/x"]) {
    await server.say(topic, "1");
  }
  await server.say("chat", "last");
  assertEquals(
    (await peer.until("chat last")).toSorted(),
    ["chat last", "chat/kept hi", "chat/x 1"],
  );
});

for (const qos of [0, 1, 2] as const) {
  test(`a denied message at QoS ${qos} is dropped, the connection stays`, async () => {
    await using broker = await openBroker();
    await using server = await connect(broker, "Server/admin");
    await server.hear("#", 2);
    await using peer = await connect(broker, "chat/chat");
    await peer.say("test/x", "denied", qos);
    await peer.mqtt.publishAsync("test/x", "kept", { qos, retain: true });
    await peer.say("$SYS/x", "denied", qos);
    await peer.say("chat/x", "allowed", qos);
    assertEquals(
      await server.until("chat/x allowed"),
      ["chat/x allowed"],
    );
    await using late = await connect(broker, "Server/admin");
    await late.hear("test/#");
    await server.say("test/y", "nothing was retained");
    assertEquals(
      await late.until("test/y nothing was retained"),
      ["test/y nothing was retained"],
    );
  });
}

test("its own traffic reaches nobody", async () => {
  for (const access of [await readAccess(), {}]) {
    await using broker = await startBroker(access);
    await using reader = await connect(broker, "Server/admin");
    for (const filter of ["#", "$SYS/#", "+/+/#"]) await reader.hear(filter);
    {
      await using passer = await connect(broker, "chat/chat");
      await passer.hear("chat");
    }
    await reader.say("done", "!");
    assertEquals(await reader.until("done !"), ["done !"]);
  }
});

test("the will of a client that dies, and of no other", async () => {
  await using broker = await openBroker();
  await using reader = await connect(broker, "Server/admin");
  await reader.hear("#");
  const will = (topic: string, payload: string): Partial<IClientOptions> => ({
    will: {
      topic,
      payload: Buffer.from(payload),
      qos: 1,
    },
  });
  {
    await using _leaves = await connect(broker, "chat/chat", will("chat", "a"));
  }
  const denied = await connect(broker, "chat/chat", will("test/x", "b"));
  await denied.die();
  const dies = await connect(broker, "chat/chat", will("chat", "timed out"));
  await dies.die();
  assertEquals(
    await reader.until("chat timed out"),
    ["chat timed out"],
  );
});

test("a session outlives its connection and brings what may be read", async () => {
  await using broker = await openBroker();
  const session = { clean: false, clientId: "resumes" };
  const first = await connect(broker, "chat/chat", session);
  assertEquals(first.sessionPresent, false);
  await first.hear("#");
  await first.die();
  await using server = await connect(broker, "Server/admin");
  for (const topic of ["chat/1", "test/2", "chat/3"]) {
    await server.say(topic, "while away");
  }
  await using second = await connect(broker, "chat/chat", session);
  assertEquals(second.sessionPresent, true);
  await server.say("chat/4", "back");
  assertEquals(
    await second.until("chat/4 back"),
    ["chat/1 while away", "chat/3 while away", "chat/4 back"],
  );
});

test("a second client with the same id ends the first", async () => {
  await using broker = await openBroker();
  const first = await connect(broker, "chat/chat", { clientId: "same" });
  await using second = await connect(broker, "chat/chat", { clientId: "same" });
  await first.closed;
  assertEquals(second.code, 0);
});

test("a packet over the limit ends that connection alone", async () => {
  await using broker = await openBroker({ maxPacketBytes: 1000 });
  await using reader = await connect(broker, "chat/chat");
  await reader.hear("chat");
  await using sender = await connect(broker, "chat/chat");
  await sender.say("chat", "x".repeat(900));
  sender.mqtt.publish("chat", "y".repeat(1000), { qos: 1 });
  await sender.closed;
  await reader.say("chat", "last");
  assertEquals(
    (await reader.until("chat last")).map((line) => line.length),
    [905, 9],
  );
});

test("what is not MQTT is cut off", async () => {
  await using broker = await openBroker();
  const hostile = [
    "GET / HTTP/1.1\r\n\r\n",
    "\x10\xff\xff\xff\xff\x7f",
    "\x10\xff\xff\xff\x7f",
    "\x30\x05\x00\x01a!!",
    "\x10\x00",
    "\xff\xff\xff",
  ];
  for (const text of hostile) {
    const bytes = Uint8Array.from(text, (sign) => sign.charCodeAt(0));
    assertEquals(await answer(broker, bytes), [], JSON.stringify(text));
  }
  await using peer = await connect(broker, "chat/chat");
  assertEquals(peer.code, 0);
});

Deno.test("broker: the meter follows packets however they are cut", () => {
  const packets = [
    [0xc0, 0],
    [0x30, 127, ...new Array(127).fill(0x80)],
    [0x30, 0x80, 1, ...new Array(128).fill(0xff)],
    [0xc0, 0],
    [0x30, 0xc8, 1, ...new Array(200).fill(0x30)],
  ].flat();
  for (const size of [1, 2, 3, 7, 128, packets.length]) {
    for (const limit of [200, 199]) {
      const meter = new PacketMeter(limit);
      let accepted = true;
      for (let at = 0; at < packets.length && accepted; at += size) {
        accepted = meter.accept(Uint8Array.from(packets.slice(at, at + size)));
      }
      assertEquals(accepted, limit === 200, `cut at ${size}, limit ${limit}`);
    }
  }
  const endless = Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 0);
  assertEquals(new PacketMeter(1000).accept(endless), false);
});

test("close ends every connection and frees the port", async () => {
  const broker = await openBroker();
  assertEquals(broker.url, `mqtt://127.0.0.1:${broker.port}`);
  using silent = await Deno.connect({
    hostname: "127.0.0.1",
    port: broker.port,
  });
  const peers = [
    await connect(broker, "chat/chat"),
    await connect(broker, "Test/test", {
      clean: false,
      will: { topic: "test/x", payload: Buffer.of(1), qos: 1 },
    }),
  ];
  await broker.close();
  await Promise.all(peers.map(({ closed }) => closed));
  assertEquals(await silent.read(new Uint8Array(1)), null);
  await broker.close();
  await using again = await startBroker({ port: broker.port });
  assertEquals(again.port, broker.port);
});

test("a port that is taken is named", async () => {
  await using broker = await startBroker();
  const error = await assertRejects(
    () => startBroker({ port: broker.port }),
    ListenError,
    `127.0.0.1:${broker.port}: the port is taken`,
  );
  assertEquals(error.code, "EADDRINUSE");
});

const SCRIPT = "lib/broker/broker.ts";
const OPTIONS = { permissions: ["-N=127.0.0.1", "-R=mosquitto"] };

test("the script serves until it is told to end", async () => {
  await using served = start(SCRIPT, ["--port", "0"], OPTIONS);
  const line = await served.stderr.line(/^Broker on /);
  const found =
    /^Broker on mqtt:\/\/127\.0\.0\.1:(\d+) for users chat, Test, Server; Ctrl-C ends it\.$/
      .exec(line);
  assert(found, line);
  {
    await using peer = await connect({ port: Number(found[1]) }, "chat/chat");
    assertEquals(peer.code, 0);
  }
  served.signal("SIGTERM");
  const { code, stderr } = await served.outcome();
  assertEquals([code, stderr], [0, `${line}\n`]);
});

test("the script says in one line why it can't start", async () => {
  await using broker = await startBroker();
  const cases: [string[], number, string][] = [
    [["--port", String(broker.port)], 4, "is taken"],
    [["--port", "70000"], 2, "No such port: 70000."],
    [["--prt", "1"], 2, "--prt"],
  ];
  for (const [args, code, text] of cases) {
    const { code: actual, stderr } = await run(SCRIPT, args, OPTIONS);
    assertEquals(actual, code, stderr);
    assert(stderr.includes(text) && stderr.split("\n").length <= 3, stderr);
  }
});
