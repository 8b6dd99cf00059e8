/** Broker addresses: schemes, default ports, how they are read and shown. Pure. */

/** The transports of MQTT. */
export type Scheme = "mqtt" | "mqtts" | "ws" | "wss";

/** The default port of each scheme, and whether it is encrypted. */
export const SCHEMES: Readonly<
  Record<Scheme, { port: number; tls: boolean }>
> = {
  mqtt: { port: 1883, tls: false },
  mqtts: { port: 8883, tls: true },
  ws: { port: 80, tls: false },
  wss: { port: 443, tls: true },
};

/** Where a broker is, and the user to log in as. */
export interface Broker {
  /** How it is spoken to. */
  scheme: Scheme;
  /** Host name or IP address, IPv6 without brackets, with its zone if any. */
  host: string;
  /** TCP port, 1 to 65535. */
  port: number;
  /** The HTTP path, for ws and wss; empty otherwise. */
  path: string;
  /** The user, where the URL named one. */
  username?: string;
  /** The password, where the URL had one. Never shown. */
  password?: string;
}

/** Certificates and keys of TLS connections. */
export interface TlsIdentity {
  /** The authorities to trust instead of Deno's, in PEM. */
  ca?: string;
  /** Our certificate, in PEM. */
  cert?: string;
  /** The key of our certificate, in PEM. */
  key?: string;
  /** The protocol to name for mqtts (ALPN, RFC 7301), such as `mqtt`. */
  alpn?: string;
}

/** An address that can't be read. */
export class AddressError extends Error {
  static {
    this.prototype.name = "AddressError";
  }
}

interface AddressDefaults {
  /** The port, where the address has none; else the scheme's. */
  port?: number;
  /** Whether an address without a scheme means mqtts rather than mqtt. */
  tls?: boolean;
}

/**
 * Reads `host`, `host:port`, an IP address (IPv6 with or without brackets) or
 * a URL of one of {@link SCHEMES} that names no room.
 * Throws an {@link AddressError}, which never repeats a password.
 */
export function parseBroker(
  text: string,
  defaults: AddressDefaults = {},
): Broker {
  if (!URL_PARTS.test(text)) return parseBare(text, defaults);
  const { broker, room } = parseUrl(text, defaults);
  if (room === undefined) return broker;
  throw new AddressError("it takes no room; --topic does, or --url");
}

/** A URL's scheme, authority and the rest. */
const URL_PARTS = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^]*)$/i;

/** The zone of an IPv6 address in a URL, percent-encoded or not (RFC 6874). */
const URL_ZONE = /(?:%25|%)([\w.-]+)\](?=:|$)/;

/**
 * A host as `URL` writes it. That takes more, such as `$(id)`, which a shell
 * would run, and `a,b`, which is two hosts in Deno's permissions.
 */
const HOST_NAME = /^([\w.-]+|\[[0-9a-f:.]+\])$/;

/** A broker, and the room where the URL names one. */
interface RoomUrl {
  broker: Broker;
  room?: string;
}

/**
 * Reads a URL. The room is the path of mqtt and mqtts, and the fragment of ws
 * and wss, percent-encoded.
 * Throws an {@link AddressError}, which never repeats a password.
 */
export function parseUrl(
  text: string,
  defaults: AddressDefaults = {},
): RoomUrl {
  const [, name = "", authority, rest] = URL_PARTS.exec(text) ?? [];
  const scheme = name.toLowerCase();
  if (!isScheme(scheme)) {
    const fault = name === ""
      ? "it has no scheme"
      : `there is no scheme ${scheme}://`;
    throw new AddressError(`${fault}; use mqtt, mqtts, ws or wss`);
  }
  const isWeb = scheme === "ws" || scheme === "wss";
  // The URL parser knows ports, credentials and IPv6 only for web schemes, and
  // no IPv6 zones.
  const [, zone = ""] = URL_ZONE.exec(authority) ?? [];
  if (scheme !== "mqtt" && zone !== "") {
    throw new AddressError(`${scheme}:// takes no IPv6 zone (%${zone})`);
  }
  const [endpoint] = isWeb ? rest.split("#", 1) : [""];
  const url = URL.parse(
    `http://${authority.replace(URL_ZONE, "]")}${endpoint}`,
  );
  if (
    !url || !HOST_NAME.test(url.hostname) || (!isWeb && url.pathname !== "/")
  ) {
    throw new AddressError(
      isIPv6(authority.replace(/^.*@/, ""))
        ? `an IPv6 address stands in brackets, as in ${scheme}://[::1]`
        : `a ${scheme}:// URL that can't be read`,
    );
  }
  const broker: Broker = {
    scheme,
    host: url.hostname.replace(/^\[|\]$/g, "") + (zone && `%${zone}`),
    port: urlPort(authority) ?? defaults.port ?? SCHEMES[scheme].port,
    path: isWeb ? url.pathname + url.search : "",
  };
  if (broker.port === 0) throw new AddressError("port 0 can't be reached");
  if (url.username !== "") broker.username = percentDecode(url.username);
  if (url.password !== "") broker.password = percentDecode(url.password);
  // After the / of a path, or the # of a fragment.
  const room = rest.slice(endpoint.length + 1);
  const [raw] = isWeb ? /[#\s]/.exec(room) ?? [] : /[#?\s]/.exec(rest) ?? [];
  if (raw !== undefined) {
    const encoded = encodeURIComponent(raw);
    throw new AddressError(`${JSON.stringify(raw)} is written ${encoded}`);
  }
  // Unlike `URL`, which resolves dots, this keeps every level.
  return room === "" ? { broker } : { broker, room: decodeRoom(room) };
}

/** Decodes a room of a URL: another one must not be entered by mistake. */
function decodeRoom(text: string): string {
  // It would be a level of its own, without a name.
  if (text.endsWith("/")) {
    throw new AddressError('"/" at its end is left out, or written %2F');
  }
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AddressError(
      "its % signs encode no UTF-8 text; a % itself is written %25",
    );
  }
}

/**
 * Returns the URL of a room, which needs no quotes in a shell unless it has an
 * IPv6 address: without user, password, and query, which may hold a token.
 */
export function roomUrl(broker: Broker, room: string): string {
  const { scheme, host, port, path } = broker;
  const authority = hostPort({ host: host.replace("%", "%25"), port });
  const usual = `:${SCHEMES[scheme].port}`;
  const shown = authority.endsWith(usual)
    ? authority.slice(0, -usual.length)
    : authority;
  const [endpoint] = path.split("?", 1);
  const start = path === "" ? "/" : `${percentEncode(endpoint, "%")}#`;
  // See decodeRoom.
  const encoded = percentEncode(room).replace(/\/$/, "%2F");
  return `${scheme}://${shown}${start}${encoded}`;
}

/** Encodes everything but letters, digits, `/`, `-`, `.`, `_`, `~` and `also`. */
function percentEncode(text: string, also = ""): string {
  const bytes = new TextEncoder().encode(text);
  return Array.from(bytes, (byte) => {
    const char = String.fromCharCode(byte);
    return /[\w/.~-]/.test(char) || char === also
      ? char
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

/** Whether a text is an IPv6 address, with or without a zone. */
function isIPv6(text: string): boolean {
  const address = text.replace(/%[\w.-]+$/, "");
  return URL.canParse(`http://[${address}]`);
}

/** A host with an optional port. */
function parseBare(text: string, defaults: AddressDefaults): Broker {
  const scheme = defaults.tls ? "mqtts" : "mqtt";
  const usual = defaults.port ?? SCHEMES[scheme].port;
  // More than one colon and no bracket can only be an IPv6 address.
  const isBareIPv6 = isIPv6(text);
  const [, bracketed, name, digits] = isBareIPv6
    ? ["", text]
    : /^(?:\[([\da-fA-F:.]+(?:%[\w.-]+)?)\]|([\p{L}\p{N}._-]+))(?::(\d{1,5}))?$/u
      .exec(text) ?? [];
  // A name with letters beyond ASCII, as the network writes it.
  const isForeign = name !== undefined && /[^\0-\x7f]/.test(name);
  const host = isForeign
    ? URL.parse(`http://${name}`)?.hostname
    : bracketed ?? name;
  const port = digits === undefined ? usual : Number(digits);
  if (
    host === undefined || port < 1 || port > 65535 ||
    (bracketed !== undefined && !isIPv6(bracketed))
  ) {
    throw new AddressError("it takes a host, host:port or URL");
  }
  return { scheme, host, port, path: "" };
}

/** The port that a URL names. `URL` itself forgets one that is http's usual 80. */
function urlPort(authority: string): number | undefined {
  const digits = /:(\d+)$/.exec(authority)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** A user or password as it was before it became part of a URL. */
function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isScheme(text: string): text is Scheme {
  return Object.hasOwn(SCHEMES, text);
}

/** Whether a broker is on this machine, by its name. */
export function isLoopback({ host }: Broker): boolean {
  return /^(localhost|127(\.\d+){3}|::1)$/i.test(host);
}

/** The host and port as in Deno's permissions, such as `[::1]:1883`. */
export function hostPort(broker: Pick<Broker, "host" | "port">): string {
  const host = broker.host.includes(":") ? `[${broker.host}]` : broker.host;
  return `${host}:${broker.port}`;
}

/**
 * The address to show, without user, password and query, such as
 * `localhost:1883` or `wss://chat.example:443/mqtt`.
 */
export function showBroker(broker: Broker): string {
  const scheme = broker.scheme === "mqtt" ? "" : `${broker.scheme}://`;
  // A query may hold a token.
  const [path] = broker.path.split("?", 1);
  return scheme + hostPort(broker) + path;
}
