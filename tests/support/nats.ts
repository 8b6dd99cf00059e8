/**
 * A cluster of nats-server for tests: three nodes, each with a listener for
 * MQTT, in a folder of their own, ended by the test that started them.
 */

import { Buffer } from "node:buffer";
import { connect, oldConnack } from "./packets.ts";
import { becomesTrue, PATIENCE_MS } from "./patience.ts";
import { freePorts, type Process, spawn } from "./processes.ts";

/** One node may be lost and two are still a majority. */
const NODES = [0, 1, 2];

/** Ports of 127.0.0.1. */
const local = (port: number) => `127.0.0.1:${port}`;

/** A cluster whose nodes can be killed and started again. */
export class NatsCluster implements AsyncDisposable {
  readonly #mqtt: number[];
  /** For the other nodes. */
  readonly #routes: number[];
  /** For NATS's own clients. */
  readonly #clients: number[];
  /** For questions about their state, over HTTP. */
  readonly #monitors: number[];
  readonly #running = new Map<number, Process>();

  private constructor(private readonly folder: string) {
    const ports = freePorts(4 * NODES.length);
    [this.#mqtt, this.#routes, this.#clients, this.#monitors] = [0, 1, 2, 3]
      .map((kind) => ports.filter((_, index) => index % 4 === kind));
  }

  /** Starts one, and waits until every node serves MQTT. */
  static async start(): Promise<NatsCluster> {
    const folder = await Deno.makeTempDir({ prefix: "mqtt-chat-nats-" });
    const cluster = new NatsCluster(folder);
    try {
      for (const node of NODES) {
        const file = `${folder}/n${node}.conf`;
        await Deno.writeTextFile(file, cluster.#configurationOf(node));
        cluster.#start(node);
      }
      await cluster.#ready();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** The port of the first node's MQTT. */
  get port(): number {
    return this.#mqtt[0];
  }

  /** Where the nodes are, as `--host` takes it. */
  get hosts(): string[] {
    return this.#mqtt.map(local);
  }

  /** Kills a node; tells whether the others find a leader again. */
  async kill(node: number): Promise<boolean> {
    await this.#running.get(node)?.[Symbol.asyncDispose]();
    this.#running.delete(node);
    return await this.#ready().then(() => true, () => false);
  }

  /** Starts a node again, and waits until the cluster is whole. */
  async restart(node: number): Promise<void> {
    this.#start(node);
    await this.#ready();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#running.values()) {
      await node[Symbol.asyncDispose]();
    }
    await Deno.remove(this.folder, { recursive: true });
  }

  /** The users are those of mosquitto.conf; without `$MQTT` no MQTT works. */
  #configurationOf(node: number): string {
    const routes = this.#routes.map((port) => `nats://${local(port)}`);
    return `
server_name: n${node}
listen: "${local(this.#clients[node])}"
http: "${local(this.#monitors[node])}"
jetstream { store_dir: "${this.folder}/n${node}" }
cluster {
  name: chat
  listen: "${local(this.#routes[node])}"
  routes: [${routes.join(", ")}]
}
mqtt {
  listen: "${local(this.#mqtt[node])}"
  stream_replicas: ${NODES.length}
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

  #start(node: number): void {
    const args = ["-c", `${this.folder}/n${node}.conf`];
    this.#running.set(node, spawn("nats-server", args));
  }

  /**
   * Waits until the nodes that run agree on all that was said and let clients
   * in. The first client of all makes NATS create the streams it keeps sessions
   * and messages in, which takes seconds.
   */
  async #ready(): Promise<void> {
    const isReady = async () =>
      await this.#agree() && await this.#serve() && await this.#agree();
    const ask = () => isReady().catch(() => false);
    if (await becomesTrue(ask, 3 * PATIENCE_MS)) return;
    const logs = [...this.#running.values()].map((node) => node.stderr.soFar);
    throw new Error(`The nodes never agreed:\n${logs.join("\n")}`);
  }

  /** Whether all that run accept a client. */
  async #serve(): Promise<boolean> {
    const password = Buffer.from("admin");
    const accepted = oldConnack();
    for (const node of this.#running.keys()) {
      const port = this.#mqtt[node];
      using link = await Deno.connect({ hostname: "127.0.0.1", port });
      await link.write(connect({ username: "Server", password }));
      const answer = new Uint8Array(accepted.length);
      await link.read(answer);
      if (!accepted.equals(answer)) return false;
    }
    return true;
  }

  /**
   * Whether each stream has a leader, and the leader nothing that another node
   * that runs lacks. `/healthz` does not do: in 2.9 it goes on complaining about
   * consumers that have had nothing to do since a restart.
   */
  async #agree(): Promise<boolean> {
    const running = [...this.#running.keys()].map((node) => `n${node}`);
    const known = new Set<string>();
    const whole = new Set<string>();
    for (const node of this.#running.keys()) {
      const url = `http://${local(this.#monitors[node])}/jsz`;
      const response = await fetch(`${url}?accounts=true&streams=true`);
      const { meta_cluster, account_details = [] }: Report = await response
        .json();
      if (!meta_cluster?.leader) return false;
      for (
        const { name, cluster } of account_details.flatMap((account) =>
          account.stream_detail ?? []
        )
      ) {
        known.add(name);
        // Only what the leader says of the others is to be trusted.
        if (cluster.leader !== `n${node}`) continue;
        const current = (cluster.replicas ?? [])
          .filter(({ current, lag }) => current && !lag)
          .map(({ name }) => name);
        const has = new Set([`n${node}`, ...current]);
        if (running.every((name) => has.has(name))) whole.add(name);
      }
    }
    return known.size === whole.size;
  }
}

/** What a node says about its streams; `/jsz` has more. */
interface Report {
  /** Who leads the cluster, once that is settled. */
  meta_cluster?: { leader?: string };
  account_details?: {
    stream_detail?: {
      name: string;
      cluster: {
        leader?: string;
        replicas?: { name: string; current: boolean; lag?: number }[];
      };
    }[];
  }[];
}
