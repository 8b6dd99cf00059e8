/** Peers in Python: the older program's, and one of the specification's. */

import { isInstalled } from "./gates.ts";
import { type Process, spawn } from "./processes.ts";

const PYTHON = ["/usr/bin/python3", "python3"].find((python) =>
  isInstalled(python, "-c", "import cryptography, paho.mqtt")
);

export const NO_PYTHON = PYTHON
  ? undefined
  : "python3-cryptography or python3-paho-mqtt is not installed";

/** Starts a script of this folder. */
export function startPython(script: string, ...args: string[]): Process {
  const { pathname } = new URL(script, import.meta.url);
  const env = { PYTHONUTF8: "1" };
  return spawn(PYTHON!, [pathname, ...args], { env });
}

/** One process for all questions of a test; each is a line of JSON. */
export class SpecPeer implements AsyncDisposable {
  readonly #process: Process;

  constructor(...secretFile: string[]) {
    this.#process = startPython("spec_peer.py", ...secretFile);
  }

  async ask(...question: string[]) {
    await this.#process.write(JSON.stringify(question) + "\n");
    return JSON.parse(await this.#process.stdout.line(/^/));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
