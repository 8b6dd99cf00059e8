import "../../lib/mqtt/library_env.ts"; // first: mqtt-packet reads the environment on loading
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import type { Socket } from "node:net";
import { type Duplex, Readable } from "node:stream";
import type { Packet } from "mqtt-packet";
import { UnreachableError } from "../../lib/client.ts";
import { parseBroker } from "../../lib/mqtt/address.ts";
import type { MqttClient } from "../../lib/mqtt/mqtt_js.ts";
import {
  certificateFault,
  limitPackets,
  loadTransport,
  PacketMeter,
} from "../../lib/mqtt/stream.ts";
import { hostOf } from "../support/brokers.ts";
import { Member } from "../support/members.ts";
import { connack, encode, parser, suback } from "../support/packets.ts";

/** All of what passes a meter, given in pieces; undefined where it refuses. */
function passed(meter: PacketMeter, bytes: Uint8Array, size: number) {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const part = meter.pass(bytes.slice(at, at + size));
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

Deno.test("the packet limit holds however the packets are cut", () => {
  const packets = Uint8Array.from([
    [0xc0, 0],
    [0x30, 127, ...new Array(127).fill(0x80)],
    [0x30, 0x80, 1, ...new Array(128).fill(0xff)],
    [0xc0, 0],
    [0x30, 0xc8, 1, ...new Array(200).fill(0x30)],
  ].flat());
  for (const size of [1, 2, 3, 7, 128, packets.length]) {
    const all = passed(new PacketMeter(200), packets, size);
    assertEquals(all, Buffer.from(packets), `cut at ${size}`);
    assertEquals(passed(new PacketMeter(199), packets, size), undefined);
  }
  const endless = Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 0);
  for (const size of [1, 2, 6]) {
    assertEquals(passed(new PacketMeter(1000), endless, size), undefined);
  }
});

/** A PUBLISH with a payload of some length. */
const message = (topic: string, qos: 0 | 1 | 2, length: number): Packet => ({
  ...{ cmd: "publish", topic, payload: Buffer.alloc(length, 0x7a), qos },
  ...{ messageId: 7, dup: false, retain: qos === 1 },
});

Deno.test("a PUBLISH over the limit passes without its payload", () => {
  const sent = [
    message("chat/small", 1, 20),
    message("chat/room", 1, 5_000),
    { cmd: "pingresp" } as const,
    message("chat/räume", 0, 20_000),
    message(`chat/${"x".repeat(300)}`, 2, 129),
    message("chat/small", 2, 40),
  ];
  const bytes = Buffer.concat(sent.map((packet) => encode(packet, 4)));
  for (const size of [1, 3, 100, 4_096, bytes.length]) {
    const meter = new PacketMeter(128, true);
    const read: Packet[] = [];
    const reader = parser({ protocolVersion: 4 });
    reader.on("packet", (packet) => read.push(packet));
    reader.on("error", (error) => {
      throw error;
    });
    reader.parse(passed(meter, bytes, size)!);
    const kept = read.map((packet) => {
      const isCut = meter.nextWasCut();
      if (packet.cmd !== "publish") return [packet.cmd, isCut];
      const { topic, payload, qos, retain, messageId } = packet;
      return [topic, payload.length, qos, retain, messageId, isCut];
    });
    assertEquals(kept, [
      ["chat/small", 20, 1, true, 7, false],
      ["chat/room", 0, 1, true, 7, true],
      ["pingresp", false],
      ["chat/räume", 0, 0, false, undefined, true],
      [`chat/${"x".repeat(300)}`, 0, 2, false, 7, true],
      ["chat/small", 40, 2, false, 7, false],
    ], `cut at ${size}`);
  }
  const suback = Uint8Array.of(0x90, 0x81, 1, ...new Array(129).fill(0));
  assertEquals(passed(new PacketMeter(128, true), suback, 50), undefined);
});

Deno.test("a packet of the broker's that arrived in two parts is read", () => {
  const socket = new Readable({ read() {} });
  limitPackets(socket as unknown as Socket, 1000);
  // Both before anything is read, as on a busy machine.
  socket.push(Buffer.of(0x30, 4, 1));
  socket.push(Buffer.of(2, 3, 4));
  assertEquals(socket.read(), Buffer.of(0x30, 4, 1, 2, 3, 4));
  assertEquals(socket.read(), null);
});

/** A stream of a client, and what a server gets from it. */
async function piped() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const broker = parseBroker(hostOf(listener.addr as Deno.NetAddr));
  const open = await loadTransport([broker]);
  const stream = open({} as MqttClient, broker) as Duplex;
  const connection = await listener.accept();
  return {
    stream,
    connection,
    /** Bytes up to the end of the stream. */
    rest: () => new Response(connection.readable).text(),
    async next() {
      const chunk = new Uint8Array(100);
      const count = await connection.read(chunk) ?? 0;
      return new TextDecoder().decode(chunk.subarray(0, count));
    },
    [Symbol.dispose]() {
      stream.destroy();
      listener.close();
    },
  };
}

Deno.test("a Deno before 2.8, which can't read into a given buffer", async () => {
  using pipe = await piped();
  let handle = Reflect.get(pipe.stream, "_handle");
  while (!Object.hasOwn(handle, "useUserBuffer")) {
    handle = Object.getPrototypeOf(handle);
  }
  const { useUserBuffer } = handle;
  handle.useUserBuffer = undefined;
  using old = await piped();
  handle.useUserBuffer = useUserBuffer;
  await old.connection.write(new TextEncoder().encode("hi"));
  const [bytes] = await once(old.stream, "data");
  assertEquals(`${bytes}`, "hi");
});

Deno.test("what is written in one turn leaves in one write", async () => {
  using pipe = await piped();
  const { stream } = pipe;
  const shared = new Uint8Array([0x61]);
  stream.write(shared);
  shared[0] = 0x62;
  stream.write(shared);
  stream.write("ü");
  assertEquals(await pipe.next(), "abü");
  // While the server takes nothing, more is gathered.
  stream.write(new Uint8Array(8_000_000));
  for (const text of "cd") {
    stream.write(text);
    await new Promise((turn) => setImmediate(turn));
  }
  stream.end("e");
  assertEquals((await pipe.rest()).slice(-4), "\0cde");
  // With it, mqtt-packet would take a tick for each packet.
  assertEquals(stream.cork, undefined);
});

Deno.test("large parts keep their place among small ones", async () => {
  for (const length of [5_000, 12_000, 16_384, 32_768, 200_000]) {
    using pipe = await piped();
    // A letter of three bytes.
    const large = "語".repeat(length / 2);
    const parts = ["a", large, "b", new TextEncoder().encode(large), "c"];
    const accepted = parts.map((part) => pipe.stream.write(part));
    // Backpressure reaches the caller.
    if (length === 200_000) assert(!accepted.slice(1).includes(true));
    pipe.stream.end();
    assert(await pipe.rest() === `a${large}b${large}c`, `${length}`);
  }
});

/** A broker behind a WebSocket, with a fault when it is first subscribed to. */
function webBroker(fault: (socket: WebSocket) => void) {
  let connections = 0;
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  return Deno.serve(options, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, {
      protocol: "mqtt",
    });
    const isFirst = ++connections === 1;
    const send = (bytes: Uint8Array) => socket.send(new Uint8Array(bytes));
    const reader = parser();
    reader.on("packet", (packet) => {
      if (packet.cmd === "connect") send(connack());
      if (packet.cmd === "pingreq") send(encode({ cmd: "pingresp" }));
      if (packet.cmd !== "subscribe") return;
      if (isFirst) fault(socket);
      else send(suback(packet, 1));
    });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => reader.parse(Buffer.from(data));
    return response;
  });
}

const CLOSED = "the broker closed the";

/** What a broker behind a WebSocket does wrong, and what is said. */
const WEB_FAULTS: [(socket: WebSocket) => void, string][] = [
  [(it) => it.close(1000, "restart"), `${CLOSED} WebSocket: restart`],
  [(it) => it.close(4001), `${CLOSED} WebSocket: code 4001`],
  [(it) => it.close(1000), `${CLOSED} connection (no reason given)`],
  [(it) => it.send("a"), "the broker sends text frames, which MQTT forbids"],
];

for (const [fault, reason] of WEB_FAULTS) {
  Deno.test(`over a WebSocket: ${reason}`, async () => {
    await using server = webBroker(fault);
    const { port } = server.addr;
    const brokers = [`ws://127.0.0.1:${port}/mqtt`];
    await using member = await Member.connect({ port }, { brokers });
    const joined = await member.client.join(["room"]);
    assertEquals(joined, [{ topic: "room", qos: 1 }]);
    assertEquals((await member.next("disconnected")).reason, reason);
    await member.client.close();
  });
}

Deno.test("over a WebSocket: a text frame that is no text is a text frame", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const served = (async () => {
    using connection = await listener.accept();
    const chunk = new Uint8Array(4096);
    await connection.read(chunk);
    const request = new TextDecoder().decode(chunk);
    // RFC 6455 §4.2.2.
    const [, key] = /^sec-websocket-key: *(\S+)/im.exec(request)!;
    const accept = createHash("sha1")
      .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    const handshake =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
      `Connection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n` +
      "Sec-WebSocket-Protocol: mqtt\r\n\r\n";
    // Text (0x81) of two bytes, which are no UTF-8.
    const frame = [0x81, 2, 0x90, 0xff];
    await connection.write(Buffer.from([...Buffer.from(handshake), ...frame]));
    while (await connection.read(chunk).catch(() => null) !== null);
  })();
  const brokers = [`ws://127.0.0.1:${port}/mqtt`];
  await assertRejects(
    () => Member.connect({ port }, { brokers }),
    UnreachableError,
    "the broker sends text frames, which MQTT forbids",
  );
  await served;
});

const pem = (label: string, base64: string) =>
  `-----BEGIN ${label}-----\n${base64.trim()}\n-----END ${label}-----\n`;

/** The key of the certificate. */
const KEY = pem(
  "PRIVATE KEY",
  `
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghXWaKyvYQdvFUxQn
dRVrEj5zQGpTXYt5I841vL+eE0GhRANCAATmNsg1IWvoGgLYrb/KF+C7czAQ4pUt
5MKtczU7KSqQza50Om6dZyjPcqcxO6IaqSn8Kbwz36yw2k4I0hdFuRZr`,
);

/**
 * Signed by an authority without a name, for localhost in its subject alone, and
 * valid from 2026-11-28 for a year.
 */
const CERTIFICATE = pem(
  "CERTIFICATE",
  `
MIIBQTCB56ADAgECAgECMAoGCCqGSM49BAMCMBIxEDAOBgNVBAoMB0V4YW1wbGUw
HhcNMjYxMTI4MjIxNjQyWhcNMjcxMTI4MjIxNjQyWjAUMRIwEAYDVQQDDAlsb2Nh
bGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATmNsg1IWvoGgLYrb/KF+C7
czAQ4pUt5MKtczU7KSqQza50Om6dZyjPcqcxO6IaqSn8Kbwz36yw2k4I0hdFuRZr
oywwKjAJBgNVHRMEAjAAMB0GA1UdDgQWBBTXG97gE2tjDrLHJO+1jx/Nx2eLxzAK
BggqhkjOPQQDAgNJADBGAiEA/CtIXm5N7BhV6cKjtcuR+R+yOst0KHlYyazlPxdh
hO0CIQCcj2Nxlzpb9JUJAnMai3z1n0tyCD3imQ00dsrPXXgw5g==`,
);

/** Host, the day when the certificate is looked at, and what is said. */
const FAULTS: [string, string, RegExp][] = [
  ["localhost", "2027-06-01", /signed by no name, .* --cafile$/],
  ["127.0.0.1", "2027-06-01", /for 127.0.0.1; valid for localhost: .* --host$/],
  ["127.0.0.1", "2027-11-29", /expired on 2027-11-28; .*no flag helps$/],
  ["127.0.0.1", "2026-11-28", /only from 2026-11-28; .*clock right\?$/],
];

for (const [host, day, fault] of FAULTS) {
  Deno.test(`certificate: ${fault}`, async () => {
    const tls = { cert: CERTIFICATE, key: KEY };
    using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...tls });
    const served = (async () => {
      using connection = await listener.accept();
      await connection.handshake();
      await connection.read(new Uint8Array(1)).catch(() => {});
    })();
    const { port } = listener.addr as Deno.NetAddr;
    const broker = parseBroker(`mqtts://${host}:${port}`);
    assertMatch(`${await certificateFault(broker, {}, new Date(day))}`, fault);
    await served;
  });
}
