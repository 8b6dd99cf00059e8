/**
 * A cluster of nats-server for tests: three nodes, each with a listener for
 * MQTT, in a folder of their own, ended by the test that started them.
 */

import { Buffer } from "node:buffer";
import { connect, oldConnack } from "./packets.ts";
import { becomesTrue, PATIENCE_MS } from "./patience.ts";
import { freePorts } from "./ports.ts";
import { TextLineReader } from "./processes.ts";

interface Ports {
  mqtt: number;
  /** For NATS's own clients. */
  client: number;
  /** For the other nodes. */
  route: number;
  /** For questions about its state, over HTTP. */
  monitor: number;
}

/** How many nodes there are: one may be lost and two are still a majority. */
const SIZE = 3;

/** The users of mosquitto.conf, with the rights that its ACL file gives. */
const AUTHORIZATION = `
authorization {
  users: [
    { user: Server, password: admin },
    { user: chat, password: chat, permissions: ${rights("chat")} },
    { user: Test, password: test, permissions: ${rights("test")} }
  ]
}`;

/** A cluster whose nodes can be ended and started again. */
export class NatsCluster implements AsyncDisposable {
  readonly folder: string;
  readonly #nodes: Node[];

  private constructor(folder: string, nodes: Node[]) {
    this.folder = folder;
    this.#nodes = nodes;
  }

  /** Starts one, and waits until every node serves MQTT. */
  static async start(): Promise<NatsCluster> {
    const folder = await Deno.makeTempDir({ prefix: "mqtt-chat-nats-" });
    const ports = freePorts(4 * SIZE);
    const nodes = Array.from({ length: SIZE }, (_, index) => {
      const [mqtt, client, route, monitor] = ports.slice(4 * index);
      return new Node(`n${index}`, { mqtt, client, route, monitor }, folder);
    });
    const routes = nodes.map(({ ports }) => ports.route);
    const cluster = new NatsCluster(folder, nodes);
    try {
      for (const node of nodes) await node.configure(routes);
      for (const node of nodes) node.up();
      await cluster.ready();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** Where the nodes are, as `--host` takes it. */
  get hosts(): string[] {
    return this.#nodes.map(({ ports }) => `127.0.0.1:${ports.mqtt}`);
  }

  async kill(index: number, signal: Deno.Signal = "SIGKILL"): Promise<void> {
    await this.#nodes[index].down(signal);
  }

  /** Starts a node again, and waits until the cluster is whole. */
  async restart(index: number): Promise<void> {
    this.#nodes[index].up();
    await this.ready();
  }

  /**
   * Waits until the nodes that run agree on all that was said and let clients
   * in. The first client of all makes NATS create the streams it keeps sessions
   * and messages in, which takes seconds.
   */
  async ready(): Promise<void> {
    const running = this.#nodes.filter(({ isUp }) => isUp);
    await until("the nodes agree", () => agree(running), running);
    for (const node of running) {
      await until(`${node.name} serves`, () => node.serves(), running);
    }
    await until("the nodes agree", () => agree(running), running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.down("SIGKILL")));
    await Deno.remove(this.folder, { recursive: true });
  }
}

class Node {
  readonly name: string;
  readonly ports: Ports;
  readonly #folder: string;
  #process?: Deno.ChildProcess;
  #log?: TextLineReader;

  constructor(name: string, ports: Ports, folder: string) {
    this.name = name;
    this.ports = ports;
    this.#folder = folder;
  }

  get isUp(): boolean {
    return this.#process !== undefined;
  }

  async configure(routes: number[]): Promise<void> {
    const { mqtt, client, route, monitor } = this.ports;
    const urls = routes.map((port) => `nats://127.0.0.1:${port}`).join(", ");
    const conf = `
server_name: ${this.name}
listen: "127.0.0.1:${client}"
http: "127.0.0.1:${monitor}"
jetstream { store_dir: "${this.#folder}/${this.name}" }
cluster { name: chat, listen: "127.0.0.1:${route}", routes: [${urls}] }
mqtt {
  listen: "127.0.0.1:${mqtt}"
  stream_replicas: ${SIZE}
  # What a lost client had not acknowledged comes again after 2 s, not 30.
  ack_wait: "2s"
}
${AUTHORIZATION}`;
    await Deno.writeTextFile(this.#confFile, conf);
  }

  up(): void {
    this.#process = new Deno.Command("nats-server", {
      args: ["-c", this.#confFile],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#log = new TextLineReader(this.#process.stderr, `log of ${this.name}`);
  }

  async down(signal: Deno.Signal): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    process?.kill(signal);
    await process?.status;
    await this.#log?.all();
  }

  async report(): Promise<Report> {
    const { monitor } = this.ports;
    const url = `http://127.0.0.1:${monitor}/jsz?accounts=true&streams=true`;
    return await (await fetch(url)).json();
  }

  async serves(): Promise<boolean> {
    const { mqtt: port } = this.ports;
    using link = await Deno.connect({ hostname: "127.0.0.1", port });
    const password = Buffer.from("admin");
    await link.write(connect({ username: "Server", password }));
    const answer = new Uint8Array(oldConnack().length);
    await link.read(answer);
    return oldConnack().equals(answer);
  }

  async log(): Promise<string> {
    return await this.#log?.all() ?? "";
  }

  get #confFile(): string {
    return `${this.#folder}/${this.name}.conf`;
  }
}

/** What a node says about its streams; `/jsz` has more. */
interface Report {
  /** Who leads the cluster, once that is settled. */
  meta_cluster?: { leader?: string };
  account_details?: { stream_detail?: Stream[] }[];
}

interface Stream {
  name: string;
  cluster: {
    leader?: string;
    /** The other nodes. Only what the leader says of them is to be trusted. */
    replicas?: { name: string; current: boolean; lag?: number }[];
  };
}

/**
 * Whether each stream has a leader, and the leader nothing that one of these
 * nodes lacks. `/healthz` does not do: in 2.9 it goes on complaining about
 * consumers that have had nothing to do since a restart.
 */
async function agree(nodes: Node[]): Promise<boolean> {
  const reports = await Promise.all(nodes.map((node) => node.report()));
  if (!reports.every(({ meta_cluster }) => meta_cluster?.leader)) return false;
  const names = new Set(reports.flatMap(streamsOf).map(({ name }) => name));
  return [...names].every((name) =>
    nodes.some((leader, index) => {
      const stream = streamsOf(reports[index]).find((it) => it.name === name);
      return stream?.cluster.leader === leader.name &&
        nodes.every((node) => node === leader || follows(node, stream));
    })
  );
}

function streamsOf(report: Report): Stream[] {
  return report.account_details?.flatMap((it) => it.stream_detail ?? []) ?? [];
}

function follows(node: Node, { cluster }: Stream): boolean {
  const replica = cluster.replicas?.find(({ name }) => name === node.name);
  return replica?.current === true && !replica.lag;
}

/** Asks again and again; a failure is a no. */
async function until(
  state: string,
  isSo: () => Promise<boolean>,
  nodes: Node[],
): Promise<void> {
  const ask = () => isSo().catch(() => false);
  if (await becomesTrue(ask, 2 * PATIENCE_MS)) return;
  await Promise.all(nodes.map((node) => node.down("SIGKILL")));
  const logs = await Promise.all(nodes.map((node) => node.log()));
  throw new Error(`It never was so that ${state}:\n${logs.join("\n")}`);
}

/** The rights on a room and those below it; without `$MQTT` no MQTT works. */
function rights(room: string): string {
  const rooms = `"${room}", "${room}.>"`;
  return `{ publish: [${rooms}], subscribe: [${rooms}, "$MQTT.>"] }`;
}
