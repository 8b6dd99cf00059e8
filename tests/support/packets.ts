/**
 * What scripted servers are sent and answer, read and written by what MQTT.js
 * reads and writes with: MQTT 5 unless told otherwise.
 */

import "../../lib/mqtt/library_env.ts"; // first: mqtt-packet reads the environment on loading
import {
  generate,
  type IConnackPacket,
  type IConnectPacket,
  type Packet,
  type PacketCmd,
} from "mqtt-packet";

export { parser } from "mqtt-packet";

export type PacketOf<C extends PacketCmd> = Extract<Packet, { cmd: C }>;

type Numbered = Pick<Packet, "messageId">;

export function messageOf({ payload }: PacketOf<"publish">): string {
  return JSON.parse(payload.toString()).message;
}

/** A packet as bytes: of MQTT 5, or of 3.1.1. */
export const encode = (packet: Packet, protocolVersion: 4 | 5 = 5) =>
  generate(packet, { protocolVersion });

/** A client's, of MQTT 3.1.1 with a clean session unless told otherwise. */
export const connect = (packet: Partial<IConnectPacket>) =>
  generate({
    ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4 },
    ...{ clean: true, clientId: "", keepalive: 10 },
    ...packet,
  });

export const connack = (
  reasonCode = 0,
  properties: IConnackPacket["properties"] = {},
  sessionPresent = false,
) => encode({ cmd: "connack", reasonCode, properties, sessionPresent });

/** An MQTT 3.1.1 server gives it to a client of 5 too. */
export const oldConnack = (returnCode = 0, sessionPresent = false) =>
  encode({ cmd: "connack", returnCode, sessionPresent }, 4);

/** Accepts a connection in a version. */
export const accept = (version: 4 | 5, hasSession = false) =>
  version === 5 ? connack(0, {}, hasSession) : oldConnack(0, hasSession);

export const puback = ({ messageId }: Numbered, reasonCode = 0) =>
  encode({ cmd: "puback", messageId, reasonCode });

export const suback = ({ messageId }: Numbered, ...granted: number[]) =>
  encode({ cmd: "suback", messageId, granted });

export const disconnect = (reasonCode: number) =>
  encode({ cmd: "disconnect", reasonCode });

export const PINGRESP = encode({ cmd: "pingresp" });

/** PUBLISH at QoS 3, which MQTT has not. */
export const GARBAGE = [0x36, 0x00, 0xff, 0xff];

/** PUBLISH at QoS 1. */
export const publish = (topic: string, payload: string, messageId: number) =>
  encode({
    cmd: "publish",
    ...{ topic, payload, messageId },
    ...{ qos: 1, dup: false, retain: false },
  });
