/**
 * Broker address → byte stream. Owns which transport a scheme uses, and loads
 * only those that are asked for. Touches the network.
 *
 * @module
 */

import { connect as connectTcp } from "node:net";
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
        return connectTcp({ host, port });
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
