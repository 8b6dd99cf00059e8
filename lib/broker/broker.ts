/**
 * The embedded broker: MQTT 3.1.1 in this process, for the demo, the tests and
 * `deno task broker`. Owns the server and how it treats logins and rights; the
 * users and rights themselves come from the files that mosquitto.conf names.
 * Behaves like Mosquitto 2.0 as far as the library (aedes) lets it.
 *
 * Keeps sessions, retained messages and queues in memory, for the process's
 * lifetime and without a limit on a session's queue.
 *
 * @module
 */

import "../mqtt/library_env.ts"; // first: aedes, too, reads the environment on loading
import { Aedes, type AedesOptions, type Client } from "aedes";
import { createServer, type Server, type Socket } from "node:net";
import { parseArgs } from "node:util";
import {
  type Acl,
  type Identity,
  mayRead,
  mayWrite,
  parseAclFile,
} from "./rights.ts";
import { parsePasswordFile, type Users, verifyPassword } from "./users.ts";
import { hostPort } from "../mqtt/address.ts";
import { limitPackets, MAX_PACKET_BYTES } from "../mqtt/stream.ts";
import { onEndSignals } from "../terminal/signals.ts";

/** What may be chosen about a broker. */
export interface BrokerOptions {
  /** The address to listen on; `127.0.0.1` unless given. */
  hostname?: string;
  /** The TCP port; 0, the default, takes a free one. */
  port?: number;
  /** Who may log in. Without it everybody may, by any name or none. */
  users?: Users;
  /** Who may read and write what. Without it everything but `$SYS/`. */
  acl?: Acl;
  /** The largest packet taken, in bytes; a client that sends more is cut off. */
  maxPacketBytes?: number;
}

/** A running broker. */
export interface RunningBroker extends AsyncDisposable {
  /** The address it listens on. */
  readonly hostname: string;
  /** The TCP port it listens on. */
  readonly port: number;
  /** Where clients find it: `mqtt://host:port`. */
  readonly url: string;
  /** Ends every connection and frees the port; may be called again. */
  close(): Promise<void>;
}

/** The address for a broker could not be had. */
export class ListenError extends Error {
  static {
    this.prototype.name = "ListenError";
  }
  /** The system's code, such as `EADDRINUSE`, or `NotCapable`. */
  readonly code: string;

  /**
   * Makes the sentence for an address.
   *
   * @param address The address, `host:port`.
   * @param code The system's code, such as `EADDRINUSE`, or `NotCapable`.
   */
  constructor(address: string, code: string) {
    const advice: Record<string, string> = {
      EADDRINUSE: "the port is taken, perhaps by Mosquitto; use that broker, " +
        "end it, or choose another port with --port",
      EACCES: "the system does not allow this port; choose one from 1024 up",
      NotCapable: `Deno was not allowed to; run it with -N=${address}`,
    };
    super(
      `Could not listen on ${address}: ${
        advice[code] ?? `the address can't be used (${code})`
      }.`,
    );
    this.code = code;
  }
}

/** Topics of the broker's own; nobody may read or write them. */
const SYSTEM = "$SYS/";

/**
 * How often aedes counts the brokers of a cluster, in milliseconds. After four
 * times this it publishes the wills of brokers it didn't hear from: of this one
 * too, when the machine was asleep meanwhile. So as rarely as a timer can.
 */
const HEARTBEAT_MS = 2 ** 29 - 1;

/**
 * Starts a broker.
 *
 * @param options Where it listens and what it allows.
 * @returns The broker, ready for connections. The caller has to close it.
 * @throws {ListenError} When the address is taken or not allowed.
 */
export async function startBroker(
  options: BrokerOptions = {},
): Promise<RunningBroker> {
  const { hostname = "127.0.0.1", maxPacketBytes = MAX_PACKET_BYTES } = options;
  const aedes = new Aedes({
    ...rights(options),
    heartbeatInterval: HEARTBEAT_MS,
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.setNoDelay(); // or an echo waits 40 ms for the reader's ACK
    limitPackets(socket, maxPacketBytes);
    aedes.handle(socket);
  });
  const endSessions = () => new Promise<void>((done) => aedes.close(done));
  await aedes.listen(); // first, or a quick client finds it without its memory
  const port = await listen(server, hostname, options.port ?? 0)
    .catch(async (error) => {
      await endSessions();
      throw error;
    });

  async function end(): Promise<void> {
    const serverClosed = new Promise<void>((done) =>
      server.close(() => done())
    );
    await endSessions();
    for (const socket of sockets) socket.destroy(); // those that never logged in
    await serverClosed;
  }
  let ended: Promise<void> | undefined;
  const close = () => ended ??= end();
  return {
    hostname,
    port,
    url: `mqtt://${hostPort({ host: hostname, port })}`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Listens; answers with the port. */
async function listen(
  server: Server,
  hostname: string,
  port: number,
): Promise<number> {
  const address = hostPort({ host: hostname, port });
  // Without permission, node:net throws where nobody can catch it.
  const { state } = await Deno.permissions.request({
    name: "net",
    host: address,
  });
  if (state !== "granted") throw new ListenError(address, "NotCapable");
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: Error & { code?: string }) => {
      reject(new ListenError(address, error.code ?? error.message));
    });
    server.listen(port, hostname, resolve);
  });
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : port;
}

/** The decisions about logins, reading and writing, as aedes asks for them. */
function rights({ users, acl }: BrokerOptions): AedesOptions {
  const identities = new WeakMap<Client, Identity>();
  const may = (
    check: typeof mayRead,
    client: Client | null,
    topic: string,
  ): boolean => {
    if (topic.startsWith(SYSTEM)) return false;
    const who = client === null ? undefined : identities.get(client);
    return acl === undefined || who !== undefined && check(acl, who, topic);
  };
  return {
    authenticate(client, user, password, done) {
      identities.set(client, { user, clientId: client.id });
      if (!users) return done(null, true);
      const expected = users.get(user ?? "");
      if (!expected || !password) return done(null, false);
      verifyPassword(expected, password).then((right) => done(null, right));
    },
    // MQTT 3.1.1 can't say no to a PUBLISH. Mosquitto acknowledges and drops
    // it; aedes would end the connection, so the message goes where nobody
    // reads.
    authorizePublish(client, packet, done) {
      if (!may(mayWrite, client, packet.topic)) {
        packet.topic = `${SYSTEM}dropped`;
        packet.payload = "";
      }
      done();
    },
    // A SUBSCRIBE is granted to everybody, as in Mosquitto: what the client may
    // not read just doesn't come.
    authorizeForward(client, packet) {
      return may(mayRead, client, packet.topic) ? packet : null;
    },
  };
}

/**
 * Reads the users and rights that mosquitto.conf names. Needs read permission
 * for the folder.
 *
 * @param folder Where `passwd` and `acl` are; the project's `mosquitto/` unless
 *   given.
 * @returns The users and rights.
 * @throws {AccessFileError} When a line of them can't be used.
 */
export async function readAccess(
  folder: URL = new URL("../../mosquitto/", import.meta.url),
): Promise<{ users: Users; acl: Acl }> {
  const [passwd, acl] = await Promise.all([
    Deno.readTextFile(new URL("passwd", folder)),
    Deno.readTextFile(new URL("acl", folder)),
  ]);
  return {
    users: parsePasswordFile(passwd, "mosquitto/passwd"),
    acl: parseAclFile(acl, "mosquitto/acl"),
  };
}

const USAGE = "deno task broker [--port N]  (default 1883; 0 takes a free one)";

/**
 * Runs the broker on 127.0.0.1 until Ctrl-C or SIGTERM.
 *
 * @param args The command line: `--port N`, `--help`.
 * @returns The exit code: 0 ended by a signal, 1 the users or rights could not
 *   be read, 2 wrong usage, 4 no such port to be had.
 */
export async function main(args: string[]): Promise<number> {
  let port = 1883;
  try {
    const { values } = parseArgs({
      args,
      options: {
        port: { type: "string", short: "p", default: "1883" },
        help: { type: "boolean" },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : NaN;
    if (!(port <= 65_535)) throw new Error(`No such port: ${values.port}.`);
  } catch (error) {
    console.error(`${(error as Error).message}\nUsage: ${USAGE}`);
    return 2;
  }
  try {
    const access = await readAccess();
    await using broker = await startBroker({ port, ...access });
    console.error(
      `Broker on ${broker.url} for users ${
        [...access.users.keys()].join(", ")
      }; Ctrl-C ends it.`,
    );
    await new Promise<void>((resolve) => onEndSignals(resolve));
    return 0;
  } catch (error) {
    console.error((error as Error).message);
    return error instanceof ListenError ? 4 : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
