/**
 * What is taken for granted where nobody says otherwise: by the flags, by
 * their help, and by the client in other programs. Pure; imports nothing.
 *
 * @module
 */

/** The one place for these values. */
export const DEFAULTS = {
  /** The user of a broker that is new to MQTT-Chat, its password, and a name. */
  username: "chat",
  /** The QoS to publish and subscribe with. */
  qos: 1,
  /** Keep alive, in seconds. */
  keepalive: 30,
  /** The MQTT version: 5, and 4 where 5 is refused. */
  protocolVersion: "auto",
  /** How long, in seconds, a connection and its last answers may take. */
  timeout: 10,
  /** How long, in seconds, the broker keeps a session that is to be resumed. */
  sessionExpiry: 86_400,
  /** How long, in seconds, it keeps one only for the time of an outage. */
  outageExpiry: 300,
} as const;
