/** Why a connection fails, in words, and what may help. */

import { type BrokerError, REASON_NAMES, type Said } from "./mqtt_js.ts";

/** What may help after a failed attempt to connect. */
export type Remedy =
  /** Other credentials. */
  | "credentials"
  /** The other MQTT version. */
  | "version"
  /** The other version, after a close or reset without CONNACK. */
  | "close"
  /** After silence: the other version, another broker, or time. */
  | "silence"
  /** A lower QoS of the will. */
  | "will"
  /** Another broker, or time. */
  | "elsewhere"
  /** Another broker: this one refuses for good. */
  | "moved"
  /** A valid certificate of the broker's, or trust in it. */
  | "trust"
  /** Another certificate of ours. */
  | "certificate"
  | "none";

export interface Reason {
  /** Part of a sentence. */
  text: string;
  remedy: Remedy;
}

/** CONNACK codes of both versions (MQTT 5 §3.2.2.2, 3.1.1 §3.2.2.3). */
const CONNACK_REMEDIES: ReadonlyMap<number, Remedy> = new Map([
  ...[4, 5, 134, 135, 138, 140].map((code) => [code, "credentials"] as const),
  ...[1, 132].map((code) => [code, "version"] as const),
  [155, "will"],
  [157, "moved"],
  ...[3, 136, 137, 139, 151, 156, 159].map((code) =>
    [code, "elsewhere"] as const
  ),
]);

const SYSTEM_ERRORS: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "connection refused, nothing listens there"],
  ["ENOTFOUND", "no such host"],
  ["EPERM", "not permitted, by Deno without -N=HOST:PORT or by a firewall"],
  ["EAI_AGAIN", "the host name can't be looked up now"],
  ["ECONNRESET", "it reset the connection"],
  ["ETIMEDOUT", "no answer"],
  ["EHOSTUNREACH", "no way to that host"],
  ["ENETUNREACH", "no way to that network"],
  ["EPIPE", "it closed the connection"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "it does not speak TLS there"],
]);

/** TLS errors about the broker's certificate. */
const UNTRUSTED: readonly string[] = [
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
];

/** TLS errors about our own certificate. */
const CERTIFICATE_ERRORS: ReadonlyMap<string, string> = new Map([
  [
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "it wants a certificate of yours; give --cert and --key",
  ],
  [
    "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
    "it does not trust the authority that signed your --cert",
  ],
  [
    "ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    "your --cert is not one for clients",
  ],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", "your --cert has expired"],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED", "your --cert was revoked"],
  [
    "ERR_SSL_UNSUPPORTED_PROTOCOL",
    "there is no common TLS version, or --cert and --key do not match",
  ],
]);

/** MQTT.js's parser errors for bytes of another protocol. */
const NOT_MQTT =
  /^(Invalid |Malformed|Not supported|Packet |Cannot parse|Unknown property)/;

/** An HTTP answer where a WebSocket was expected, as ws says it. */
const HTTP_ANSWER = /^Unexpected server response: (\d{3})$/;

const HTTP_ADVICE: Readonly<Record<string, string>> = {
  "401": "it wants a login of HTTP's own",
  "403": "it forbids that",
  "404":
    "is the path right? Most brokers have /mqtt, as in ws://HOST:PORT/mqtt",
  "502": "the broker behind it is away",
  "503": "the broker behind it is away",
};

/** The most UTF-16 code units of a broker's own words that are repeated. */
const MAX_SAID = 200;

/**
 * Says why an attempt to connect failed, or a connection broke; without an
 * error, the broker just closed it. The text may have the broker's own words,
 * which are hostile like all that comes from the network.
 */
export function connectReason(error: BrokerError | undefined): Reason {
  if (error === undefined) {
    // Old brokers treat an unknown version so.
    const text = "the broker closed the connection (no reason given)";
    return { text, remedy: "close" };
  }
  if (error.message === "connack timeout") {
    return { text: "no answer in time", remedy: "silence" };
  }
  const code = reasonCodeOf(error);
  if (code === undefined) return networkReason(error);
  const remedy = CONNACK_REMEDIES.get(code) ?? "none";
  return { text: reasonText(code, error), remedy };
}

/** The MQTT reason code of an error, if it has one. */
export function reasonCodeOf(error: BrokerError): number | undefined {
  return typeof error.code === "number" ? error.code : undefined;
}

/**
 * A reason code in words (MQTT 5 §2.4), or its number where it has no name, with
 * what the broker says beside it: part of a sentence.
 */
export function reasonText(code: number, said: Said = {}): string {
  const name = REASON_NAMES[code]?.toLowerCase() || `reason code ${code}`;
  const { reasonString, serverReference } = said;
  const words = reasonString ? ` (${reasonString.slice(0, MAX_SAID)})` : "";
  const other = serverReference
    ? `; it names ${serverReference.slice(0, MAX_SAID)} in its place`
    : "";
  return name + words + other;
}

/** Says why a broker ended a connection with DISCONNECT (MQTT 5 §3.14.2.1). */
export function disconnectText(code: number, said: Said = {}): string {
  return code === 0
    ? "it ended the connection in good order"
    : reasonText(code, said);
}

function networkReason(error: BrokerError): Reason {
  const code = String(error.code ?? "");
  if (UNTRUSTED.includes(code)) {
    const text = "its certificate can't be verified; see --cafile";
    return { text, remedy: "trust" };
  }
  const certificate = CERTIFICATE_ERRORS.get(code);
  if (certificate !== undefined) {
    return { text: certificate, remedy: "certificate" };
  }
  if (NOT_MQTT.test(error.message)) {
    return { text: "it does not speak MQTT there", remedy: "elsewhere" };
  }
  // Something was sent after its close frame.
  if (error.message.startsWith("WebSocket is not open")) {
    return { text: "the broker closed the WebSocket", remedy: "elsewhere" };
  }
  const [, status] = HTTP_ANSWER.exec(error.message) ?? [];
  if (status !== undefined) {
    const advice = HTTP_ADVICE[status];
    const text = `HTTP ${status} in place of a WebSocket` +
      (advice === undefined ? "" : `; ${advice}`);
    return { text, remedy: "elsewhere" };
  }
  const known = SYSTEM_ERRORS.get(code);
  const text = known ?? (error.message || code || error.name);
  return { text, remedy: code === "ECONNRESET" ? "close" : "elsewhere" };
}
