/**
 * A RabbitMQ for tests: a node with a name, ports and a folder of its own,
 * ended by the test that started it.
 */

import { RABBITMQ_SERVER } from "./gates.ts";
import { accepts, freePorts, type Process, spawn } from "./processes.ts";

/** How long it may take to start; alone on the machine it needs 10 s. */
const PATIENCE_MS = 120_000;

export interface User {
  password: string;
  /** What it may do: routing keys, as regular expressions. */
  rights?: { write: string; read: string };
}

/** A RabbitMQ that can be ended and started again on the same port. */
export class RabbitMQ implements AsyncDisposable {
  readonly port: number;
  readonly #options: { env: Record<string, string> };
  readonly #epmd: Process;
  #server?: Process;

  private constructor(private readonly folder: string) {
    const [port, epmd, distribution] = freePorts(3);
    this.port = port;
    const env = {
      // Erlang's secret is kept there.
      HOME: folder,
      ERL_EPMD_ADDRESS: "127.0.0.1",
      ERL_EPMD_PORT: String(epmd),
      ERL_FLAGS:
        "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
      RABBITMQ_NODENAME: `chat-${port}@localhost`,
      RABBITMQ_DIST_PORT: String(distribution),
      RABBITMQ_CONF_ENV_FILE: "/dev/null",
      RABBITMQ_CONFIG_FILE: `${folder}/rabbitmq.conf`,
      RABBITMQ_CONFIG_FILES: `${folder}/conf.d`,
      RABBITMQ_ADVANCED_CONFIG_FILE: `${folder}/advanced.config`,
      RABBITMQ_ENABLED_PLUGINS_FILE: `${folder}/enabled_plugins`,
      RABBITMQ_MNESIA_BASE: `${folder}/mnesia`,
      RABBITMQ_LOG_BASE: `${folder}/log`,
      // Without it a shell stands between us and the server, and outlives it.
      RUNNING_UNDER_SYSTEMD: "true",
    };
    this.#options = { env };
    // Erlang's register of nodes; else a node starts one that outlives it.
    this.#epmd = spawn("epmd", [], { env });
  }

  static async start(users: Record<string, User>): Promise<RabbitMQ> {
    const folder = await Deno.makeTempDir({ prefix: "mqtt-chat-rabbitmq-" });
    const broker = new RabbitMQ(folder);
    try {
      await broker.#configure(users);
      await accepts(Number(broker.#options.env.ERL_EPMD_PORT));
      await broker.up();
    } catch (error) {
      await broker[Symbol.asyncDispose]();
      throw error;
    }
    return broker;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts it and waits until it lets people in. */
  async up(): Promise<void> {
    const server = spawn(RABBITMQ_SERVER, [], this.#options);
    this.#server = server;
    // Its port is open before it knows its users.
    await server.stdout.line(/completed with \d+ plugins/, PATIENCE_MS);
  }

  async down(): Promise<void> {
    this.#server?.signal("SIGTERM");
    await this.#server?.outcome(PATIENCE_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    await this.#epmd[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }

  async #configure(users: Record<string, User>): Promise<void> {
    const definitions = `${this.folder}/definitions.json`;
    const conf = [
      "listeners.tcp = none",
      `mqtt.listeners.tcp.1 = ${this.host}`,
      "mqtt.allow_anonymous = false",
      `load_definitions = ${definitions}`,
      "log.file = false",
      "log.console = true",
      "log.console.level = warning",
    ];
    const files = {
      "rabbitmq.conf": conf.join("\n"),
      "enabled_plugins": "[rabbitmq_mqtt].",
      "definitions.json": JSON.stringify(definitionsOf(users)),
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${this.folder}/${name}`, `${text}\n`);
    }
  }
}

/** What `rabbitmqctl` would set, in the form that is read at the start. */
function definitionsOf(users: Record<string, User>) {
  const all = Object.entries(users);
  const vhost = "/";
  const everything = { configure: ".*", write: ".*", read: ".*" };
  return {
    vhosts: [{ name: vhost }],
    users: all.map(([name, { password }]) => ({ name, password, tags: "" })),
    permissions: all.map(([user]) => ({ user, vhost, ...everything })),
    topic_permissions: all.flatMap(([user, { rights }]) =>
      rights ? [{ user, vhost, exchange: "amq.topic", ...rights }] : []
    ),
  };
}
