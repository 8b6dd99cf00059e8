/**
 * A real Mosquitto for tests: the project's mosquitto.conf with another port,
 * in a folder of its own, ended by the test that started it.
 */

import type { Identity } from "./certificates.ts";
import { freePorts } from "./ports.ts";
import { type Process, ROOT, spawn } from "./processes.ts";

interface MosquittoOptions {
  /** Lines to add to the configuration, for the broker or its first listener. */
  extra?: string[];
  /** Listeners beside the first, by names of the test's choice. */
  listeners?: Record<string, ListenerOptions>;
  /** The lines of another ACL file than the project's. */
  acl?: string[];
  /** Allows clients without a login, beside these of the project's users. */
  anonymousBeside?: string[];
}

/** What a further listener speaks; plain MQTT when nothing is said. */
export interface ListenerOptions {
  /** Its certificate: it speaks TLS. */
  identity?: Identity;
  /** The authority that must have signed a client's certificate (with TLS). */
  clientCa?: string;
  websockets?: boolean;
  extra?: string[];
}

/** A Mosquitto that can be ended and started again on the same port. */
export class Mosquitto implements AsyncDisposable {
  readonly port: number;
  readonly #listeners = new Map<string, [port: number, ListenerOptions]>();
  #process?: Process;

  private constructor(
    readonly folder: string,
    listeners: MosquittoOptions["listeners"],
  ) {
    const entries = Object.entries(listeners ?? {});
    const [port, ...others] = freePorts(1 + entries.length);
    this.port = port;
    for (const [index, [name, listener]] of entries.entries()) {
      this.#listeners.set(name, [others[index], listener]);
    }
  }

  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const folder = await Deno.makeTempDir({ prefix: "mqtt-chat-" });
    const broker = new Mosquitto(folder, options.listeners);
    await broker.#configure(options);
    await broker.up();
    return broker;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  portOf(name: string): number {
    return this.#listeners.get(name)![0];
  }

  /** The URL of a further listener, without a path. */
  url(name: string): string {
    const [port, { identity, websockets }] = this.#listeners.get(name)!;
    const scheme = websockets ? "ws" : "mqtt";
    return `${scheme}${identity ? "s" : ""}://localhost:${port}`;
  }

  async up(): Promise<void> {
    const cwd = this.folder;
    const process = spawn("mosquitto", ["-c", "mosquitto.conf"], { cwd });
    this.#process = process;
    await process.stderr.line(/ running$/);
  }

  async down(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    this.signal(signal);
    await this.#process?.outcome();
    await this.#process?.endInput();
  }

  signal(signal: Deno.Signal): void {
    this.#process?.signal(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down("SIGKILL");
    await Deno.remove(this.folder, { recursive: true });
  }

  /** Writes the project's files with the changes that a test asks for. */
  async #configure(options: MosquittoOptions): Promise<void> {
    const { extra = [], acl, anonymousBeside: users } = options;
    const [own, passwd, rights] = await Promise.all(
      ["mosquitto.conf", "mosquitto/passwd", "mosquitto/acl"]
        .map((file) => Deno.readTextFile(new URL(file, ROOT))),
    );
    const listener = `listener ${this.port} 127.0.0.1`;
    let conf = own.replace(/^listener 1883\b.*$/m, listener);
    if (users) {
      conf = conf.replace("allow_anonymous false", "allow_anonymous true");
    }
    // What follows a `listener` is for that one, so these come last.
    const others = [...this.#listeners.values()].flatMap(listenerLines);
    const isKept = (line: string) =>
      users === undefined || users.includes(line.split(":", 1)[0]);
    await Deno.mkdir(`${this.folder}/mosquitto`);
    for (
      const [file, lines] of [
        ["mosquitto.conf", [conf, ...extra, ...others]],
        ["mosquitto/passwd", passwd.split("\n").filter(isKept)],
        ["mosquitto/acl", acl ?? [rights]],
      ] as const
    ) {
      const text = lines.join("\n") + "\n";
      await Deno.writeTextFile(`${this.folder}/${file}`, text);
    }
    // Started by root, it becomes the user mosquitto, who must get in, and
    // write its state down there if it is to.
    await Deno.chmod(this.folder, 0o777);
  }
}

function listenerLines(
  [port, { identity, clientCa, websockets, extra = [] }]: [
    port: number,
    ListenerOptions,
  ],
): string[] {
  const lines = [`listener ${port} 127.0.0.1`];
  if (websockets) lines.push("protocol websockets");
  if (identity) {
    lines.push(`certfile ${identity.cert}`, `keyfile ${identity.key}`);
  }
  if (clientCa) lines.push(`cafile ${clientCa}`, "require_certificate true");
  return [...lines, ...extra];
}
