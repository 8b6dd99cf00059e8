/** Peers in Python that answer each line of JSON with another. */

import { gate, isInstalled } from "./gates.ts";
import { Process } from "./processes.ts";

const PYTHON = ["/usr/bin/python3", "python3"].find((python) =>
  isInstalled(python, "-c", "import cryptography")
);

/** Registers a test that needs such a peer. */
export const python = gate(
  PYTHON ? undefined : "python3-cryptography is not installed",
);

export class PythonPeer implements AsyncDisposable {
  readonly #process: Process;

  /** Starts a script of this folder: one process for all questions of a test. */
  constructor(script: string, ...args: string[]) {
    const { pathname } = new URL(script, import.meta.url);
    const child = new Deno.Command(PYTHON!, {
      args: [pathname, ...args],
      env: { PYTHONUTF8: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#process = new Process(child, `the peer ${script}`);
  }

  async ask(...question: string[]) {
    await this.#process.write(JSON.stringify(question) + "\n");
    return JSON.parse(await this.#process.stdout.line(/^/));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
