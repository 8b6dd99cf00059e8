/**
 * A real Mosquitto for tests: the project's mosquitto.conf with another port,
 * in a folder of its own, ended by the test that started it.
 */

import type { Identity } from "./certificates.ts";
import { accepts, freePorts } from "./ports.ts";
import { ROOT, TextLineReader } from "./processes.ts";

export interface MosquittoOptions {
  /** Lines to add to the configuration, for the broker or its first listener. */
  extra?: string[];
  /** Listeners beside the first, by names of the test's choice. */
  listeners?: Record<string, ListenerOptions>;
  /** Whether it writes its state down when it is ended in good order. */
  persistence?: boolean;
  /** The lines of another ACL file than the project's. */
  acl?: string[];
  /**
   * Allows clients without a login, beside these of the project's users. With
   * none of them, there is neither a password file nor an ACL file.
   */
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

/**
 * Lines for {@link MosquittoOptions.extra}: no limit to what waits for a
 * client. By default it is 1,000 messages, and what exceeds them is dropped.
 */
export const UNLIMITED_QUEUES = [
  "max_queued_messages 0",
  "max_queued_bytes 0",
];

/** A Mosquitto that can be ended and started again on the same port. */
export class Mosquitto implements AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly #listeners = new Map<string, [port: number, ListenerOptions]>();
  #process?: Deno.ChildProcess;
  #log?: TextLineReader;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.folder = folder;
  }

  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const folder = await Deno.makeTempDir({ prefix: "mqtt-chat-" });
    const listeners = Object.entries(options.listeners ?? {});
    const [port, ...others] = freePorts(1 + listeners.length);
    const broker = new Mosquitto(port, folder);
    for (const [index, [name, listener]] of listeners.entries()) {
      broker.#listeners.set(name, [others[index], listener]);
    }
    await broker.#configure(options);
    await broker.up();
    return broker;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  portOf(name: string): number {
    return this.#listener(name)[0];
  }

  /** The URL of a further listener, without a path. */
  url(name: string, host = "localhost"): string {
    const [port, { identity, websockets }] = this.#listener(name);
    const scheme = websockets ? "ws" : "mqtt";
    return `${scheme}${identity ? "s" : ""}://${host}:${port}`;
  }

  async up(): Promise<void> {
    const child = new Deno.Command("mosquitto", {
      args: ["-c", "mosquitto.conf"],
      cwd: this.folder,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#process = child;
    const log = new TextLineReader(child.stderr, "log of Mosquitto");
    this.#log = log;
    const ended = child.status.then(async ({ code }) => {
      const text = await log.all();
      throw new Error(`Mosquitto ended with code ${code}, not up:\n${text}`);
    });
    ended.catch(() => {});
    const ports = [...this.#listeners.values()].map(([port]) => port);
    const areUp = Promise.all(
      [this.port, ...ports].map((port) => accepts(port)),
    );
    await Promise.race([areUp, ended]);
  }

  async down(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    process?.kill(signal);
    await process?.status;
    await this.#log?.all();
  }

  /** Sends it a signal that does not end it. */
  signal(signal: Deno.Signal): void {
    this.#process?.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down("SIGKILL");
    await Deno.remove(this.folder, { recursive: true });
  }

  #listener(name: string): [port: number, ListenerOptions] {
    const listener = this.#listeners.get(name);
    if (listener) return listener;
    throw new Error(`This Mosquitto was given no listener ${name}.`);
  }

  /** Copies the project's files; the users are unchanged. */
  async #configure(options: MosquittoOptions): Promise<void> {
    const { extra = [], persistence = false, acl } = options;
    const text = await Deno.readTextFile(new URL("mosquitto.conf", ROOT));
    let conf = text.replace(
      /^listener 1883\b.*$/m,
      `listener ${this.port} 127.0.0.1`,
    );
    await Deno.mkdir(`${this.folder}/mosquitto`);
    for (const file of ["mosquitto/passwd", "mosquitto/acl"]) {
      await Deno.copyFile(new URL(file, ROOT), `${this.folder}/${file}`);
    }
    if (acl) {
      await Deno.writeTextFile(
        `${this.folder}/mosquitto/acl`,
        acl.join("\n") + "\n",
      );
    }
    const { anonymousBeside: users } = options;
    if (users) {
      conf = conf.replace("allow_anonymous false", "allow_anonymous true");
      if (users.length === 0) {
        conf = conf.replaceAll(/^(password_file|acl_file).*$/gm, "");
      }
      const path = `${this.folder}/mosquitto/passwd`;
      const kept = (await Deno.readTextFile(path)).split("\n")
        .filter((line) => users.includes(line.split(":", 1)[0]));
      await Deno.writeTextFile(path, kept.join("\n") + "\n");
    }
    const lines = [conf, ...extra];
    if (persistence) lines.push(...await this.#persistence());
    // What follows a `listener` is for that one, so these come last.
    for (const [port, listener] of this.#listeners.values()) {
      lines.push(...listenerLines(port, listener));
    }
    await Deno.writeTextFile(
      `${this.folder}/mosquitto.conf`,
      lines.join("\n") + "\n",
    );
    // Started by root, it becomes the user mosquitto, who must get in.
    await Deno.chmod(this.folder, 0o755);
  }

  /** Makes the folder of its state, where the user it becomes may write. */
  async #persistence(): Promise<string[]> {
    const folder = `${this.folder}/state`;
    await Deno.mkdir(folder);
    await Deno.chmod(folder, 0o777);
    return ["persistence true", `persistence_location ${folder}/`];
  }
}

function listenerLines(
  port: number,
  { identity, clientCa, websockets, extra = [] }: ListenerOptions,
): string[] {
  const lines = [`listener ${port} 127.0.0.1`];
  if (websockets) lines.push("protocol websockets");
  if (identity) {
    lines.push(`certfile ${identity.cert}`, `keyfile ${identity.key}`);
  }
  if (clientCa) lines.push(`cafile ${clientCa}`, "require_certificate true");
  return [...lines, ...extra];
}
