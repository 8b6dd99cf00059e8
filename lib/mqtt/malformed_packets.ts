/**
 * Packets that MQTT.js takes for good and is thrown by: its parser gives the
 * packet id −1 where a packet ends before its id (measured, mqtt-packet 9.0),
 * and acknowledging that throws where nobody can catch it.
 *
 * @module
 */

import type { MqttClient } from "./transport.ts";

/**
 * Makes a client drop the connection over such packets, as it does over those
 * that its parser refuses.
 *
 * @param mqtt MQTT.js's client, before anything has arrived.
 */
export function refuseTruncatedPackets(mqtt: MqttClient): void {
  mqtt.on("packetreceive", (packet) => {
    if (!("messageId" in packet) || packet.messageId !== -1) return;
    // An unknown command: MQTT.js passes over it.
    Object.assign(packet, { cmd: "truncated" });
    mqtt.emit("error", new Error("Malformed packet: it has no packet id"));
    mqtt.stream.destroy();
  });
}
