/**
 * A real Mosquitto for tests: the project's mosquitto.conf with another port,
 * in a folder of its own, ended by the test that started it.
 *
 * @module
 */

import { connect } from "node:net";
import { PATIENCE_MS } from "./text_lines.ts";

const ROOT = new URL("..", import.meta.url);

/** What may be different about a Mosquitto. */
export interface MosquittoOptions {
  /** Lines to add to the configuration. */
  extra?: string[];
}

/** A Mosquitto that can be ended and started again on the same port. */
export class Mosquitto implements AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  #process?: Deno.ChildProcess;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.folder = folder;
  }

  /** Starts one on a free port. */
  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const folder = await Deno.makeTempDir({ prefix: "mqtt-chat-" });
    const broker = new Mosquitto(freePort(), folder);
    await broker.#configure(options.extra ?? []);
    await broker.up();
    return broker;
  }

  /** Where it is. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts it and waits until it takes connections. */
  async up(): Promise<void> {
    this.#process = new Deno.Command("mosquitto", {
      args: ["-c", "mosquitto.conf"],
      cwd: this.folder,
      stdout: "null",
      stderr: "null",
    }).spawn();
    const ended = this.#process.status.then(({ code }) => {
      throw new Error(`Mosquitto ended with code ${code} instead of starting.`);
    });
    ended.catch(() => {});
    await Promise.race([accepts(this.port), ended]);
  }

  /** Ends it and waits until it has. */
  async down(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    process?.kill(signal);
    await process?.status;
  }

  /** Ends it and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.down("SIGKILL");
    await Deno.remove(this.folder, { recursive: true });
  }

  /** Copies the project's files; the users and rights are unchanged. */
  async #configure(extra: string[]): Promise<void> {
    const text = await Deno.readTextFile(new URL("mosquitto.conf", ROOT));
    const conf = text.replace(
      /^listener 1883\b.*$/m,
      `listener ${this.port} 127.0.0.1`,
    );
    await Deno.mkdir(`${this.folder}/mosquitto`);
    for (const file of ["mosquitto/passwd", "mosquitto/acl"]) {
      await Deno.copyFile(new URL(file, ROOT), `${this.folder}/${file}`);
    }
    await Deno.writeTextFile(
      `${this.folder}/mosquitto.conf`,
      [conf, ...extra, ""].join("\n"),
    );
    // Started by root, it becomes the user mosquitto, who must get in.
    await Deno.chmod(this.folder, 0o755);
  }
}

/** A port that nothing listens on now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until a port takes connections. */
export async function accepts(port: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    const isUp = await promise;
    socket.destroy();
    if (isUp) return;
    await new Promise((again) => setTimeout(again, 20));
  }
  throw new Error(`Nothing listens on port ${port}.`);
}
