/** The stream of bytes to a broker: opening, packet limit, batched writes. */

import { Buffer } from "node:buffer";
import { connect as connectTcp, type Socket } from "node:net";
import { Duplex, Readable, Writable } from "node:stream";
import { setImmediate } from "node:timers";
import type { PeerCertificate } from "node:tls";
import type { IClientOptions } from "mqtt";
import type { Broker, TlsIdentity } from "./address.ts";
import type { BrokerError, ByteStream, MqttClient } from "./mqtt_js.ts";
import { MAX_TOPIC_BYTES } from "./topic.ts";

/** Opens a stream to a broker, for one connection. */
export type OpenStream = (client: MqttClient, broker: Broker) => ByteStream;

/**
 * Loads the transports that some brokers need. MQTT.js's own builders serve TLS
 * and WebSocket; they are imported on demand, since ws takes ~28 ms to load
 * (measured).
 */
export async function loadTransport(
  brokers: Broker[],
  { alpn, ...tls }: TlsIdentity = {},
): Promise<OpenStream> {
  const uses = (...schemes: string[]) =>
    brokers.some(({ scheme }) => schemes.includes(scheme));
  const openTls = uses("mqtts")
    ? (await import("mqtt/lib/connect/tls")).default
    : undefined;
  const openWs = uses("ws", "wss")
    ? (await import("mqtt/lib/connect/ws")).default
    : undefined;
  const open: OpenStream = (client, broker) => {
    const { scheme, host, port, path } = broker;
    switch (scheme) {
      case "mqtt":
        return host.includes("%") ? openZoned(host, port) : openTcp(host, port);
      case "mqtts": {
        const ALPNProtocols = alpn === undefined ? undefined : [alpn];
        return openTls!.default(client, { ...tls, ALPNProtocols, host, port });
      }
      case "ws":
      case "wss": {
        // ws wants IPv6 addresses as URLs write them.
        const hostname = host.includes(":") ? `[${host}]` : host;
        const options = { ...tls, protocol: scheme, hostname, port, path };
        return openWebSocket(
          (wsOptions) =>
            openWs!.streamBuilder(client, { ...options, wsOptions }),
        );
      }
    }
  };
  return (client, broker) => {
    const stream = open(client, broker);
    batchWrites(stream);
    return stream;
  };
}

/** How much is read from a socket at a time, in bytes. */
const READ_BYTES = 32 * 1024;

/**
 * Connects over TCP, and reads into one buffer, whose content is copied. Deno
 * makes a buffer of 64 KiB for each read; those that a collection finds in use
 * stay until a full one, and took 18 MB in a flood (measured, 2.9).
 */
function openTcp(host: string, port: number): Socket {
  // A small packet, such as PINGREQ, waits 40 ms for TCP's ACK otherwise.
  const how = { host, port, noDelay: true };
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback: (size: number, bytes: Uint8Array) =>
      socket.push(Buffer.copyBytesFrom(bytes, 0, size)),
  };
  let socket: Socket;
  try {
    socket = connectTcp({ ...how, onread });
  } catch {
    // Deno before 2.8 can't do that, and throws (measured, 2.5 and 2.7).
    socket = connectTcp(how);
  }
  return socket;
}

/**
 * A stream to an IPv6 address with a zone, which node:net drops (measured, Deno
 * 2.9: EINVAL).
 */
function openZoned(hostname: string, port: number): Duplex {
  const opening = Deno.connect({ hostname, port });
  const writer = opening.then(({ writable }) => writable.getWriter());
  // The readable side reports the failure.
  writer.catch(() => {});
  const write = async (bytes: Uint8Array) => (await writer).write(bytes);
  async function* arriving() {
    yield* (await opening).readable;
  }
  const readable = Readable.from(arriving());
  const writable = new Writable({
    write: (bytes, _encoding, done) => {
      write(bytes).then(() => done(), done);
    },
  });
  // Its types know this form of web streams alone.
  return Duplex.from({ readable, writable } as unknown as Iterable<unknown>);
}

/** The part of ws's WebSocket that matters here. */
interface WebSocketEvents {
  on(event: "close", then: (code: number, reason: Uint8Array) => void): void;
  on(event: "message", then: (data: unknown, isBinary: boolean) => void): void;
}

/** A normal end, and ends without a close frame or without a code (RFC 6455). */
const SILENT_CLOSES: readonly number[] = [1000, 1005, 1006];

/** Adds errors that MQTT.js's stream drops: close reasons and text frames. */
function openWebSocket(
  open: (options: IClientOptions["wsOptions"]) => ByteStream,
): ByteStream {
  const fail = (error: Error) => {
    stream.destroy(error);
  };
  const stream = open({
    // ws would report text that is not UTF-8, before it reports text.
    skipUTF8Validation: true,
    // ws calls this before MQTT.js listens, so these listeners are the first.
    finishRequest(request: { end(): void }, socket: WebSocketEvents) {
      socket.on("message", (_data, isBinary) => {
        if (isBinary) return;
        fail(malformed("the broker sends text frames, which MQTT forbids"));
      });
      socket.on("close", (code, reason) => {
        const words = new TextDecoder().decode(reason);
        if (words === "" && SILENT_CLOSES.includes(code)) return;
        fail(
          new Error(
            `the broker closed the WebSocket: ${words || `code ${code}`}`,
          ),
        );
      });
      request.end();
    },
  });
  return stream;
}

/**
 * The largest packet that is read, in bytes, so that memory has a bound: a
 * parser gathers any length that a packet announces, up to 256 MiB. CONNECT
 * announces the limit in MQTT 5.
 */
export const MAX_PACKET_BYTES = 1_048_576;

/** Bytes that the length field of an MQTT packet may take. */
const LENGTH_BYTES = 4;

/** A PUBLISH packet over the limit, of which all but the payload is kept. */
interface CutPacket {
  /** The first byte: packet type and flags. */
  type: number;
  kept: Buffer;
  isDone: boolean;
}

/**
 * Follows the packets in a stream of bytes that is cut anywhere, and lets none
 * over a limit pass.
 */
export class PacketMeter {
  readonly #limit: number;
  readonly #cutsPublish: boolean;
  /** Bytes of the packet's body that are still to come. */
  #body = 0;
  /** The beginning of a fixed header. */
  #held: Uint8Array = new Uint8Array();
  #cut?: CutPacket;
  #passed = 0;
  #read = 0;
  /** Which of the packets that passed were cut, counted from 1. */
  readonly #cuts: number[] = [];

  /**
   * The limit is of bytes after the fixed header; with `cutsPublish`, a PUBLISH
   * over it passes without its payload.
   */
  constructor(limit: number, cutsPublish = false) {
    this.#limit = limit;
    this.#cutsPublish = cutsPublish;
  }

  /**
   * Takes the next bytes of the stream and returns what passes; undefined once
   * there is a packet over the limit, or a length field that never ends. Don't
   * call it after that.
   */
  pass(bytes: Uint8Array): Uint8Array | undefined {
    const all = this.#held.length > 0
      ? Buffer.concat([this.#held, bytes])
      : bytes;
    this.#held = new Uint8Array();
    const parts: Uint8Array[] = [];
    /** The bytes before this have passed or were cut. */
    let done = 0;
    let at = 0;
    while (at < all.length) {
      if (this.#body > 0) {
        const size = Math.min(this.#body, all.length - at);
        this.#body -= size;
        if (this.#cut !== undefined) {
          parts.push(this.#keep(this.#cut, all.subarray(at, at + size)));
          done = at + size;
        }
        at += size;
        continue;
      }
      const header = readHeader(all, at);
      if (header === undefined) {
        if (all.length - at > LENGTH_BYTES) return undefined;
        this.#held = Buffer.from(all.subarray(at));
        parts.push(all.subarray(done, at));
        done = all.length;
        break;
      }
      this.#passed++;
      this.#cut = undefined;
      const { type, body, end } = header;
      if (body > this.#limit) {
        if (!this.#cutsPublish || type >> 4 !== PUBLISH) return undefined;
        this.#cuts.push(this.#passed);
        this.#cut = { type, kept: Buffer.alloc(0), isDone: false };
        parts.push(all.subarray(done, at));
        done = end;
      }
      this.#body = body;
      at = end;
    }
    if (parts.length === 0) return all;
    return Buffer.concat([...parts, all.subarray(done)]);
  }

  /** Whether the next packet of the parser was cut; to be called for each. */
  nextWasCut(): boolean {
    const isCut = ++this.#read === this.#cuts[0];
    if (isCut) this.#cuts.shift();
    return isCut;
  }

  /** Gathers topic and packet id; makes a packet of them when they are there. */
  #keep(cut: CutPacket, bytes: Uint8Array): Uint8Array {
    if (cut.isDone) return new Uint8Array();
    const most = 2 + MAX_TOPIC_BYTES + 2 - cut.kept.length;
    cut.kept = Buffer.concat([cut.kept, bytes.subarray(0, most)]);
    if (cut.kept.length < 2) return new Uint8Array();
    const idBytes = (cut.type & QOS_FLAGS) === 0 ? 0 : 2;
    const size = 2 + cut.kept.readUInt16BE() + idBytes;
    if (cut.kept.length < size) return new Uint8Array();
    cut.isDone = true;
    const length = lengthField(size);
    return Buffer.from([cut.type, ...length, ...cut.kept.subarray(0, size)]);
  }
}

/** The packet type PUBLISH, and the bits of its QoS. */
const PUBLISH = 3;
const QOS_FLAGS = 0b110;

/** Reads a fixed header: a type, then 7 bits of length each (MQTT 5 §2.1). */
function readHeader(
  bytes: Uint8Array,
  start: number,
): { type: number; body: number; end: number } | undefined {
  let body = 0;
  for (let at = start + 1; at <= start + LENGTH_BYTES; at++) {
    if (at >= bytes.length) return undefined;
    body += (bytes[at] & 0x7f) * 128 ** (at - start - 1);
    if (bytes[at] < 0x80) return { type: bytes[start], body, end: at + 1 };
  }
}

/** Encodes a length (MQTT 5 §1.5.5). */
function lengthField(length: number): number[] {
  const bytes: number[] = [];
  for (let rest = length; rest > 0 || bytes.length === 0; rest >>= 7) {
    bytes.push(rest & 0x7f | (rest >= 128 ? 0x80 : 0));
  }
  return bytes;
}

/**
 * Keeps packets over {@link MAX_PACKET_BYTES} out of a stream: its PUBLISH
 * packets arrive without their payload where the broker can't know the limit,
 * in MQTT 3.1.1. All else ends the stream. Must be called before anything
 * arrives. The meter knows which packets were cut.
 */
export function limitArriving(
  stream: ByteStream,
  version: 4 | 5,
): PacketMeter {
  const meter = new PacketMeter(MAX_PACKET_BYTES, version === 4);
  const push = stream.push.bind(stream);
  // All that arrives at a stream of Node's passes here.
  stream.push = (bytes: Uint8Array | null, encoding?: BufferEncoding) => {
    if (bytes === null) return push(null);
    const passed = meter.pass(bytes);
    if (passed !== undefined) return push(passed, encoding);
    stream.destroy(
      malformed(`the broker sent a packet of over ${MAX_PACKET_BYTES} bytes`),
    );
    return false;
  };
  return meter;
}

/**
 * Cuts a connection to the embedded broker without a message as soon as it
 * announces a packet over the limit, as Mosquitto does to a client of MQTT
 * 3.1.1. Must be called before anything reads from the socket, with `read()`.
 */
export function limitPackets(socket: Socket, limit: number): void {
  const meter = new PacketMeter(limit);
  const read = socket.read.bind(socket);
  // aedes reads once for each `readable`. Deno 2.9 gives it the first of the
  // buffers that wait and emits no other `readable`: a packet that arrived in
  // two parts was never read to its end (5 of 6,000 of 64 KiB under load).
  socket.read = (size) => {
    const parts: Uint8Array[] = [];
    for (let part = read(size); part !== null; part = read(size)) {
      parts.push(part);
    }
    if (parts.length === 0) return null;
    const bytes = parts.length === 1 ? parts[0] : Buffer.concat(parts);
    if (meter.pass(bytes) !== undefined) return bytes;
    socket.destroy();
    return null;
  };
}

/** Makes an error of bytes that MQTT forbids, over which we end a connection. */
export function malformed(text: string): BrokerError {
  return Object.assign(new Error(text), { isOurs: true });
}

/** The most bytes of UTF-8 that a UTF-16 code unit takes. */
const MAX_BYTES_PER_UNIT = 3;

/** How much is gathered at a time, in bytes. */
const BATCH_BYTES = 16 * 1024;

/** The part of a stream that is written to. */
type Writing =
  & Pick<ByteStream, "writableNeedDrain" | "write" | "end">
  & {
    cork?: () => void;
  };

/**
 * Joins what is written to a stream within one turn of the event loop to one
 * write. MQTT.js writes a packet in up to ten parts, each through Node's stream
 * machinery; that and a system call a packet were half of what sending and
 * acknowledging cost (measured).
 */
function batchWrites(stream: Writing): void {
  const write = stream.write.bind(stream) as (bytes: Uint8Array) => boolean;
  const end = stream.end.bind(stream);
  // Copied into at once: mqtt-packet may use the parts again.
  const batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
  let size = 0;
  const flush = () => {
    if (size > 0) write(Buffer.copyBytesFrom(batch, 0, size));
    size = 0;
  };
  stream.write = (part: Uint8Array | string) => {
    const isText = typeof part === "string";
    const most = part.length * (isText ? MAX_BYTES_PER_UNIT : 1);
    if (size + most > BATCH_BYTES) {
      const large = isText ? Buffer.from(part) : part;
      const before = batch.subarray(0, size);
      size = 0;
      write(Buffer.concat([before, large]));
      return !stream.writableNeedDrain;
    }
    if (size === 0) setImmediate(flush);
    if (isText) size += batch.write(part, size);
    else {
      batch.set(part, size);
      size += part.length;
    }
    return !stream.writableNeedDrain;
  };
  // deno-lint-ignore no-explicit-any -- as Node has it: many forms, passed on
  stream.end = (...args: any[]) => {
    flush();
    return end(...args);
  };
  // mqtt-packet corks a stream that can be, which takes a tick a packet.
  stream.cork = undefined;
}

/** How long the look at a certificate may take, in milliseconds. */
const LOOK_MS = 5_000;

type CertificateFacts = Pick<
  PeerCertificate,
  "valid_from" | "valid_to" | "issuer" | "subject" | "subjectaltname"
>;

/**
 * Says what is wrong with a broker's certificate, and what to do: part of a
 * sentence, or undefined when the broker shows none. Node's TLS says "unable to
 * verify the first certificate" of an expired one too (measured, Deno 2.9), so
 * the certificate is looked at.
 */
export async function certificateFault(
  broker: Broker,
  tls: TlsIdentity,
  now: Date,
): Promise<string | undefined> {
  const { connect, checkServerIdentity } = await import("node:tls");
  const { isIP } = await import("node:net");
  const { host, port } = broker;
  const { promise, resolve } = Promise.withResolvers<
    PeerCertificate | undefined
  >();
  const socket = connect({
    ...tls,
    host,
    port,
    servername: isIP(host) ? undefined : host,
    rejectUnauthorized: false,
  });
  socket.setTimeout(LOOK_MS, () => resolve(undefined));
  socket.once("error", () => resolve(undefined));
  socket.once("secureConnect", () => resolve(socket.getPeerCertificate()));
  const certificate = await promise;
  socket.destroy();
  if (certificate === undefined) return undefined;
  const isForHost = checkServerIdentity(host, certificate) === undefined;
  return describeCertificate(certificate, host, isForHost, now);
}

/** Judges a certificate that was not trusted: part of a sentence. */
function describeCertificate(
  facts: CertificateFacts,
  host: string,
  isForHost: boolean,
  now: Date,
): string {
  const [from, to] = [facts.valid_from, facts.valid_to].map(Date.parse);
  if (Number(now) > to) {
    return `its certificate expired on ${day(to)}; the broker needs a new ` +
      "one, and no flag helps";
  }
  if (Number(now) < from) {
    return `its certificate is valid only from ${day(from)}; is the clock ` +
      "right?";
  }
  if (!isForHost) {
    const names = facts.subjectaltname
      ? facts.subjectaltname.replace(/\b(DNS|IP Address):/g, "")
      : String(facts.subject?.CN);
    return `its certificate is not valid for ${host}; valid for ${names}: ` +
      "use such a name with --host";
  }
  return `its certificate is signed by ${facts.issuer?.CN ?? "no name"}, an ` +
    "authority not trusted here; name the authority's PEM file with --cafile";
}

/** A day in UTC. */
function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
