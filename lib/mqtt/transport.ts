/**
 * Broker address → byte stream. Owns which transport a scheme uses, and loads
 * only those that are asked for. Touches the network.
 *
 * @module
 */

import { connect as connectTcp } from "node:net";
import { Duplex, Readable, Writable } from "node:stream";
import type { IClientOptions } from "mqtt";
import type { Broker, TlsIdentity } from "./address.ts";
import { batchWrites } from "./batched_writes.ts";
import type { ByteStream, MqttClient } from "./mqtt_js.ts";
import { limitArriving, MAX_PACKET_BYTES } from "./packet_limit.ts";

/** Opens a stream to a broker. MQTT.js calls it for each connection anew. */
export type OpenStream = (client: MqttClient, broker: Broker) => ByteStream;

/**
 * Loads the transports that some brokers need. MQTT.js's own builders serve
 * TLS and WebSocket; they are imported only here and only then, since ws
 * alone takes ~28 ms to load (measured).
 *
 * @param brokers The brokers there will be streams to.
 * @param tls What to trust and to show on mqtts and wss.
 * @returns The function that opens streams to them.
 */
export async function loadTransport(
  brokers: Broker[],
  tls: TlsIdentity = {},
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
        return host.includes("%")
          ? openZoned(host, port)
          : connectTcp({ host, port });
      case "mqtts":
        return openTls!.default(client, { ...tls, host, port });
      case "ws":
      case "wss": {
        // ws wants IPv6 addresses as URLs write them.
        const hostname = host.includes(":") ? `[${host}]` : host;
        const options: IClientOptions = {
          ...tls,
          protocol: scheme,
          hostname,
          port,
          path,
        };
        return openWs!.streamBuilder(client, options);
      }
    }
  };
  return (client, broker) => {
    const stream = open(client, broker);
    limitArriving(stream, MAX_PACKET_BYTES);
    batchWrites(stream);
    return stream;
  };
}

/**
 * A stream to an IPv6 address with a zone, which node:net drops (measured, Deno
 * 2.9: EINVAL). What fails is an error of the stream.
 */
function openZoned(hostname: string, port: number): Duplex {
  const opening = Deno.connect({ hostname, port });
  const writer = opening.then(({ writable }) => writable.getWriter());
  // The stream is told by its readable side.
  writer.catch(() => {});
  const write = async (bytes: Uint8Array) => (await writer).write(bytes);
  const readable = Readable.from(arriving(opening));
  const writable = new Writable({
    write: (bytes, _encoding, done) => {
      write(bytes).then(() => done(), done);
    },
  });
  // Its types know this form of web streams alone.
  return Duplex.from({ readable, writable } as unknown as Iterable<unknown>);
}

/** What a connection brings, once it stands. */
async function* arriving(
  opening: Promise<Deno.TcpConn>,
): AsyncGenerator<Uint8Array> {
  yield* (await opening).readable;
}
