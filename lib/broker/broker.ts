/**
 * The embedded broker, over aedes: MQTT 3.1.1 in this process, for the tests of
 * bots, the demo and `deno task broker`. Sessions and retained messages are in
 * memory; the queue of a session has no limit.
 *
 * @module
 */

import "../mqtt/library_env.ts"; // first: aedes reads the environment when loaded
import { Aedes, type AedesOptions, type Client } from "aedes";
import { createServer, type Server, type Socket } from "node:net";
import { parseArgs } from "node:util";
import { hostPort } from "../mqtt/address.ts";
import { limitPackets, MAX_PACKET_BYTES } from "../mqtt/stream.ts";
import { topicMatches } from "../mqtt/topic.ts";
import { safeTopic } from "../safe_text.ts";
import { onEndSignals } from "../terminal/signals.ts";

/** Users by name: the password, and the filter of what they read and write. */
export type Users = Record<string, { password: string; topics: string }>;

/** The users of mosquitto/passwd and mosquitto/acl; a test compares them. */
export const USERS: Users = {
  chat: { password: "chat", topics: "chat/#" },
  Test: { password: "test", topics: "test/#" },
  Server: { password: "admin", topics: "#" },
};

/** How the embedded broker listens, and for which users. */
export interface BrokerOptions {
  /** The address to listen on; `127.0.0.1` by default. */
  hostname?: string;
  /** The TCP port; 0, the default, takes a free one. */
  port?: number;
  /** The users that may log in; by default every client may, without a login too. */
  users?: Users;
  /** Called with a line when a client writes what its user may not. */
  onDenied?: (line: string) => void;
}

/** A broker that accepts clients until it is closed or disposed of. */
export interface RunningBroker extends AsyncDisposable {
  /** The address it listens on. */
  readonly hostname: string;
  /** The TCP port it listens on. */
  readonly port: number;
  /** `mqtt://host:port`. */
  readonly url: string;
  /** Ends every connection and frees the port; may be called again. */
  close(): Promise<void>;
}

/** The broker can't listen on its address. */
export class ListenError extends Error {
  static {
    this.prototype.name = "ListenError";
  }

  /**
   * Makes the sentence for an address.
   *
   * @param address The address, as `host:port`.
   * @param code The system's code, such as `EADDRINUSE`.
   */
  constructor(address: string, readonly code: string) {
    const advice: Record<string, string> = {
      EADDRINUSE: "the port is taken, perhaps by Mosquitto; use that broker, " +
        "end it, or choose another port with --port",
      EACCES: "the system does not allow this port; choose one from 1024 up",
    };
    const reason = advice[code] ?? `the address can't be used (${code})`;
    super(`Could not listen on ${address}: ${reason}.`);
  }
}

/**
 * The interval of aedes's heartbeat to other brokers, in milliseconds: the
 * longest that a timer takes. After four intervals without one, as when the
 * machine slept, aedes would publish the wills of its own clients.
 */
const HEARTBEAT_MS = 2 ** 29 - 1;

/**
 * Starts a broker in this process. A test of a bot starts one on a free port of
 * this machine and connects the bot to its `url`; it needs no network, no
 * Mosquitto, and the permission `-N=127.0.0.1`:
 *
 *     await using broker = await startBroker();
 *     await using bot = await startBot(broker.url);
 *
 * The end of the block closes the connections and frees the port. Of two
 * declarations the later one ends first, so that the bot can still say that it
 * leaves. docs/library.md has a bot and its whole test.
 *
 * @param options Where to listen and for which users; by default on a free port
 * of 127.0.0.1, for every client.
 * @returns The broker, which accepts clients.
 * @throws {ListenError} When it can't listen on the address.
 */
export async function startBroker(
  options: BrokerOptions = {},
): Promise<RunningBroker> {
  const { hostname = "127.0.0.1" } = options;
  const aedes = new Aedes({
    ...rights(options),
    heartbeatInterval: HEARTBEAT_MS,
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.setNoDelay(); // or an echo waits 40 ms for the reader's TCP ACK
    limitPackets(socket, MAX_PACKET_BYTES);
    aedes.handle(socket);
  });
  const endSessions = () => new Promise<void>((done) => aedes.close(done));
  await aedes.listen(); // first: it sets up the persistence clients need
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
    for (const socket of sockets) socket.destroy(); // clients without CONNECT
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

/** Listens; returns the port. */
async function listen(
  server: Server,
  hostname: string,
  port: number,
): Promise<number> {
  const address = hostPort({ host: hostname, port });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: Error & { code?: string }) => {
      reject(new ListenError(address, error.code ?? error.message));
    });
    server.listen(port, hostname, resolve);
  });
  return (server.address() as { port: number }).port;
}

/** The decisions about logins, reading and writing, as aedes asks for them. */
function rights({ users, onDenied }: BrokerOptions): AedesOptions {
  const names = new WeakMap<Client, string>();
  const denied = new WeakSet<Client>();
  const filterOf = (client: Client | null): string | undefined => {
    if (!users) return "#";
    const name = client ? names.get(client) : undefined;
    return name === undefined ? undefined : users[name].topics;
  };
  const may = (client: Client | null, topic: string): boolean => {
    const filter = filterOf(client);
    // `#` matches no topic that begins with `$`.
    return filter !== undefined && topicMatches(filter, topic);
  };
  return {
    authenticate(client, name = "", password, done) {
      if (!users) return done(null, true);
      const isRight = Object.hasOwn(users, name) &&
        users[name].password === password?.toString();
      if (isRight) names.set(client, name);
      done(null, isRight);
    },
    // An error closes the connection: MQTT 3.1.1 has no other negative answer
    // to a PUBLISH (section 3.3.5). aedes drops a will over which it gets one.
    authorizePublish(client, { topic }, done) {
      if (may(client, topic)) return done();
      const name = client && names.get(client);
      const line = `${name ? `user ${name}` : "a client"} may not write`;
      // Once a connection: the will of a denied client is denied as well.
      if (client && !denied.has(client)) {
        denied.add(client);
        onDenied?.(`${line} ${safeTopic(topic)}`);
      }
      done(new Error(line));
    },
    // As in Mosquitto, every SUBSCRIBE is granted, and messages that the user
    // may not read are left out.
    authorizeForward: (client, packet) =>
      may(client, packet.topic) ? packet : null,
  };
}

const USAGE = "deno task broker [--host ADDRESS] [--port N]\n" +
  "  --host ADDRESS  where to listen; 0.0.0.0 for the network [127.0.0.1]\n" +
  "  --port N        0 takes a free one [1883]";

/**
 * Runs the broker of `deno task broker` until a signal.
 *
 * @param args The arguments: `--host`, `--port`, `--help`.
 * @returns The exit code: 0 after a signal, 2 for wrong usage, 4 where it can't
 * listen.
 */
export async function main(args: string[]): Promise<number> {
  let hostname: string;
  let port: number;
  try {
    const { values } = parseArgs({
      args,
      options: {
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "string", short: "p", default: "1883" },
        help: { type: "boolean" },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    hostname = values.host.replace(/^\[(.*)\]$/, "$1");
    port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : NaN;
    if (hostname === "") throw new Error("--host needs an address.");
    if (!(port <= 65_535)) throw new Error(`No such port: ${values.port}.`);
  } catch (error) {
    console.error(`${(error as Error).message}\nUsage: ${USAGE}`);
    return 2;
  }
  try {
    const onDenied = (line: string) => console.error(line);
    const options = { hostname, port, users: USERS, onDenied };
    await using broker = await startBroker(options);
    const names = Object.keys(USERS).join(", ");
    console.error(
      `Broker on ${broker.url} for users ${names}; Ctrl-C ends it.`,
    );
    if (!/^(127\.|localhost$|::1$)/.test(hostname)) {
      console.error(networkAdvice(broker));
    }
    await new Promise<void>((resolve) => onEndSignals(() => resolve()));
    return 0;
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    console.error(error.message);
    return 4;
  }
}

/** The line for a broker that other machines can reach. */
function networkAdvice({ hostname, port }: RunningBroker): string {
  // Deno tells a machine's addresses only with --allow-sys.
  const isAny = hostname === "0.0.0.0" || hostname === "::";
  const host = hostPort({ host: isAny ? "ADDRESS" : hostname, port });
  return "The passwords are public. On other machines type: deno run -N " +
    `publisher.ts --follow mqtt://${host}/chat/room` +
    (isAny ? " (ADDRESS: this machine's, see `ip addr` or `ipconfig`)" : "");
}

if (import.meta.main) Deno.exit(await main(Deno.args));
