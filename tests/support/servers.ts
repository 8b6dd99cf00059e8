/**
 * Real brokers for tests: Mosquitto, RabbitMQ and a cluster of NATS, in folders
 * of their own and on free ports, ended by the test that started them.
 */

import { hostOf } from "./brokers.ts";
import { RABBITMQ_SERVER } from "./gates.ts";
import { Folder } from "./keys.ts";
import { becomesTrue, PATIENCE_MS } from "./patience.ts";
import { Peer } from "./peers.ts";
import { accepts, freePorts, type Process, ROOT, spawn } from "./processes.ts";

/** A server that can be ended and started again on the same port. */
abstract class Server extends Folder {
  protected process?: Process;

  constructor(readonly port: number) {
    super();
  }

  get host(): string {
    return hostOf(this);
  }

  /** Starts it, and waits until it takes clients. */
  abstract up(): Promise<void>;

  async down(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    await this.process?.stop(signal);
  }

  signal(signal: Deno.Signal): void {
    this.process?.signal(signal);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.down("SIGKILL");
    await super[Symbol.asyncDispose]();
  }
}

/** Returns a server that is up; where that fails, nothing of it is left. */
async function started<S extends { up(): Promise<void> } & AsyncDisposable>(
  server: S,
): Promise<S> {
  try {
    await server.up();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

interface MosquittoOptions {
  /** Lines to add to the configuration, for the broker or its first listener. */
  extra?: string[];
  /** The lines of listeners beside the first, by names of the test's choice. */
  listeners?: Record<string, string[]>;
  /** The lines of another ACL file than the project's. */
  acl?: string[];
  /**
   * Allows clients without a login, beside these of the project's users. With
   * none of them, there is neither a password file nor an ACL file.
   */
  anonymousBeside?: string[];
}

/** A Mosquitto with the project's mosquitto.conf, but for the port. */
export class Mosquitto extends Server {
  readonly #listeners = new Map<string, [port: number, lines: string[]]>();

  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const others = Object.entries(options.listeners ?? {});
    const [port, ...ports] = freePorts(1 + others.length);
    const broker = new Mosquitto(port);
    for (const [index, [name, lines]] of others.entries()) {
      broker.#listeners.set(name, [ports[index], lines]);
    }
    await broker.#configure(options);
    return await started(broker);
  }

  portOf(name: string): number {
    return this.#listeners.get(name)![0];
  }

  /** The URL of a further listener, without a path. */
  url(name: string): string {
    const [port, lines] = this.#listeners.get(name)!;
    const scheme = lines.includes("protocol websockets") ? "ws" : "mqtt";
    const isTls = lines.some((line) => line.startsWith("certfile "));
    return `${scheme}${isTls ? "s" : ""}://localhost:${port}`;
  }

  async up(): Promise<void> {
    const cwd = this.path;
    this.process = spawn("mosquitto", ["-c", "mosquitto.conf"], { cwd });
    await this.process.stderr.line(/ running$/);
  }

  /** Writes the project's files with the changes that a test asks for. */
  async #configure(options: MosquittoOptions): Promise<void> {
    const { extra = [], acl, anonymousBeside: users } = options;
    const [own, passwd, rights] = await Promise.all(
      ["mosquitto.conf", "mosquitto/passwd", "mosquitto/acl"]
        .map((file) => Deno.readTextFile(new URL(file, ROOT))),
    );
    const listener = (port: number) => `listener ${port} 127.0.0.1`;
    let conf = own.replace(/^listener 1883\b.*$/m, listener(this.port));
    if (users) {
      conf = conf.replace("allow_anonymous false", "allow_anonymous true");
    }
    if (users?.length === 0) {
      conf = conf.replaceAll(/^(password_file|acl_file).*$/gm, "");
    }
    // What follows a `listener` is for that one, so these come last.
    const others = [...this.#listeners.values()]
      .flatMap(([port, lines]) => [listener(port), ...lines]);
    const known = passwd.trim().split("\n")
      .filter((line) => users?.includes(line.split(":", 1)[0]) ?? true);
    await Deno.mkdir(`${this.path}/mosquitto`);
    this.write("mosquitto.conf", [conf, ...extra, ...others, ""].join("\n"));
    this.write("mosquitto/passwd", [...known, ""].join("\n"));
    this.write("mosquitto/acl", acl ? [...acl, ""].join("\n") : rights);
    // Started by root, it becomes the user mosquitto, who must get in, and
    // write its state down there if it is to.
    await Deno.chmod(this.path, 0o777);
  }
}

/** How long RabbitMQ may take to start; alone on the machine it needs 10 s. */
const RABBITMQ_PATIENCE_MS = 120_000;

interface User {
  password: string;
  /** What it may do: routing keys, as regular expressions. */
  rights?: { write: string; read: string };
}

export class RabbitMQ extends Server {
  readonly #epmdPort: number;
  readonly #env: Record<string, string>;
  readonly #epmd: Process;

  private constructor() {
    const [port, epmd, distribution] = freePorts(3);
    super(port);
    this.#epmdPort = epmd;
    this.#env = {
      // Erlang's secret is kept there.
      HOME: this.path,
      ERL_EPMD_ADDRESS: "127.0.0.1",
      ERL_EPMD_PORT: String(epmd),
      ERL_FLAGS:
        "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
      RABBITMQ_NODENAME: `chat-${port}@localhost`,
      RABBITMQ_DIST_PORT: String(distribution),
      RABBITMQ_CONF_ENV_FILE: "/dev/null",
      RABBITMQ_CONFIG_FILE: `${this.path}/rabbitmq.conf`,
      RABBITMQ_CONFIG_FILES: `${this.path}/conf.d`,
      RABBITMQ_ADVANCED_CONFIG_FILE: `${this.path}/advanced.config`,
      RABBITMQ_ENABLED_PLUGINS_FILE: `${this.path}/enabled_plugins`,
      RABBITMQ_MNESIA_BASE: `${this.path}/mnesia`,
      RABBITMQ_LOG_BASE: `${this.path}/log`,
      // Without it a shell stands between us and the server, and outlives it.
      RUNNING_UNDER_SYSTEMD: "true",
    };
    // Erlang's register of nodes; else a node starts one that outlives it.
    this.#epmd = spawn("epmd", [], { env: this.#env });
  }

  static async start(users: Record<string, User>): Promise<RabbitMQ> {
    const broker = new RabbitMQ();
    broker.#configure(users);
    return await started(broker);
  }

  async up(): Promise<void> {
    await accepts(this.#epmdPort);
    this.process = spawn(RABBITMQ_SERVER, [], { env: this.#env });
    // Its port is open before it knows its users.
    const isUp = /completed with \d+ plugins/;
    await this.process.stdout.line(isUp, RABBITMQ_PATIENCE_MS);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#epmd[Symbol.asyncDispose]();
    await super[Symbol.asyncDispose]();
  }

  /** Writes the users as `rabbitmqctl` would set them. */
  #configure(users: Record<string, User>): void {
    this.write(
      "rabbitmq.conf",
      `listeners.tcp = none
mqtt.listeners.tcp.1 = ${this.host}
mqtt.allow_anonymous = false
load_definitions = ${this.path}/definitions.json
log.file = false
log.console = true
log.console.level = warning
`,
    );
    this.write("enabled_plugins", "[rabbitmq_mqtt].\n");
    const all = Object.entries(users);
    const vhost = "/";
    const everything = { configure: ".*", write: ".*", read: ".*" };
    const definitions = {
      vhosts: [{ name: vhost }],
      users: all.map(([name, { password }]) => ({ name, password, tags: "" })),
      permissions: all.map(([user]) => ({ user, vhost, ...everything })),
      topic_permissions: all.flatMap(([user, { rights }]) =>
        rights ? [{ user, vhost, exchange: "amq.topic", ...rights }] : []
      ),
    };
    this.write("definitions.json", JSON.stringify(definitions));
  }
}

interface NatsNode {
  name: string;
  port: number;
  /** For the other nodes. */
  route: number;
  /** For questions about its state, over HTTP. */
  monitor: number;
  process?: Process;
}

/** Three nodes: one may be lost and two are still a majority. */
export class NatsCluster extends Folder {
  readonly #nodes: NatsNode[];

  private constructor() {
    super();
    const ports = freePorts(9);
    this.#nodes = ["n0", "n1", "n2"].map((name) => {
      const [port, route, monitor] = ports.splice(0, 3);
      return { name, port, route, monitor };
    });
  }

  /** Starts one, and waits until every node serves MQTT. */
  static async start(): Promise<NatsCluster> {
    return await started(new NatsCluster());
  }

  /** The port of the first node's MQTT. */
  get port(): number {
    return this.#nodes[0].port;
  }

  /** Where the nodes are, as `--host` takes it. */
  get hosts(): string[] {
    return this.#nodes.map(hostOf);
  }

  async up(): Promise<void> {
    for (const node of this.#nodes) {
      this.write(`${node.name}.conf`, this.#configurationOf(node));
      this.#start(node);
    }
    await this.#ready();
  }

  /** Kills a node; tells whether the others find a leader again. */
  async kill(index: number): Promise<boolean> {
    const node = this.#nodes[index];
    await node.process?.stop("SIGKILL");
    node.process = undefined;
    return await this.#ready().then(() => true, () => false);
  }

  /** Starts a node again, and waits until the cluster is whole. */
  async restart(index: number): Promise<void> {
    this.#start(this.#nodes[index]);
    await this.#ready();
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#running) await node.process?.stop("SIGKILL");
    await super[Symbol.asyncDispose]();
  }

  get #running(): NatsNode[] {
    return this.#nodes.filter(({ process }) => process);
  }

  /** The users are those of mosquitto.conf; without `$MQTT` no MQTT works. */
  #configurationOf({ name, port, route, monitor }: NatsNode): string {
    const routes = this.#nodes.map(({ route }) => `nats://127.0.0.1:${route}`);
    return `
server_name: ${name}
listen: "127.0.0.1:-1"
http: "127.0.0.1:${monitor}"
jetstream { store_dir: "${this.path}/${name}" }
cluster {
  name: chat
  listen: "127.0.0.1:${route}"
  routes: [${routes.join(", ")}]
}
mqtt {
  listen: "127.0.0.1:${port}"
  stream_replicas: ${routes.length}
  # What a lost client had not acknowledged comes again after 1 s, not 30.
  ack_wait: "1s"
}
authorization {
  users: [
    { user: Server, password: admin },
    {
      user: chat, password: chat, permissions: {
        publish: ["chat", "chat.>"], subscribe: ["chat", "chat.>", "$MQTT.>"]
      }
    }
  ]
}`;
  }

  #start(node: NatsNode): void {
    const args = ["-c", `${this.path}/${node.name}.conf`];
    node.process = spawn("nats-server", args);
  }

  /**
   * Waits until the nodes that run agree on all that was said and take clients.
   * The first client of all makes NATS create the streams it keeps sessions
   * and messages in, which takes seconds.
   */
  async #ready(): Promise<void> {
    const isReady = async () =>
      await this.#agree() && await this.#serve() && await this.#agree();
    const ask = () => isReady().catch(() => false);
    if (await becomesTrue(ask, 3 * PATIENCE_MS)) return;
    const logs = this.#running.map(({ process }) => process?.stderr.soFar);
    throw new Error(`The nodes never agreed:\n${logs.join("\n")}`);
  }

  /** Whether all that run accept a client. */
  async #serve(): Promise<boolean> {
    for (const node of this.#running) {
      await using peer = await Peer.login(node, "Server/admin");
      if (peer.code !== 0) return false;
    }
    return true;
  }

  /**
   * Whether each stream has a leader, and the leader nothing that another node
   * that runs lacks. `/healthz` does not do: in 2.9 it goes on complaining about
   * consumers that have had nothing to do since a restart.
   */
  async #agree(): Promise<boolean> {
    const known = new Set<string>();
    const whole = new Set<string>();
    for (const { name: node, monitor } of this.#running) {
      const url = `http://127.0.0.1:${monitor}/jsz?accounts=true&streams=true`;
      const report: Report = await (await fetch(url)).json();
      if (!report.meta_cluster?.leader) return false;
      const streams = (report.account_details ?? [])
        .flatMap(({ stream_detail = [] }) => stream_detail);
      for (const { name, cluster: { leader, replicas = [] } } of streams) {
        known.add(name);
        // Only what the leader says of the others is to be trusted.
        if (leader !== node) continue;
        const isCurrent = ({ name }: NatsNode) =>
          name === node ||
          replicas.some((it) => it.name === name && it.current && !it.lag);
        if (this.#running.every(isCurrent)) whole.add(name);
      }
    }
    return known.size === whole.size;
  }
}

/** What a node says about its streams; `/jsz` has more. */
interface Report {
  /** The leader of the cluster, once that is settled. */
  meta_cluster?: { leader?: string };
  account_details?: { stream_detail?: Stream[] }[];
}

interface Stream {
  name: string;
  cluster: { leader?: string; replicas?: Replica[] };
}

type Replica = { name: string; current: boolean; lag?: number };
