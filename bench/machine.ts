/**
 * What this machine has: which programs can be compared, in which versions,
 * and what it is itself. Effects.
 *
 * @module
 */

import type { Command, Processes } from "./processes.ts";
import {
  bundled,
  compiled,
  mosquitto,
  mqttJs,
  ours,
  paho,
  type Program,
  ROOT,
} from "./programs.ts";

/** How long a program may take to say its version, in milliseconds. */
const PATIENCE_MS = 10_000;

/** How long something may take to be downloaded or built, in milliseconds. */
const BUILD_PATIENCE_MS = 60_000;

/** What was found. */
export interface Machine {
  /** The programs, in the order of their columns. */
  programs: Program[];
  /** What it is, and the versions. */
  facts: string[];
  /** The programs that were left out, each with the reason. */
  leftOut: string[];
  /** Whether GNU time is there, which tells the memory of short processes. */
  hasTime: boolean;
}

/** Looks around. */
export class Search {
  readonly #processes: Processes;
  readonly #folder: string;
  readonly #leftOut: string[] = [];
  readonly #versions: string[] = [];

  /**
   * Prepares.
   *
   * @param processes Who ends what it starts.
   * @param folder Where it may build.
   */
  constructor(processes: Processes, folder: string) {
    this.#processes = processes;
    this.#folder = folder;
  }

  /**
   * Finds the programs.
   *
   * @param isShort Whether to spare the download that `deno compile` may need.
   * @returns What this machine has.
   * @throws {Error} When there is no Mosquitto.
   */
  async machine(isShort: boolean): Promise<Machine> {
    this.#versions.push(`Deno ${Deno.version.deno}`);
    this.#versions.push(await this.#brokerVersion());
    const programs: (Program | undefined)[] = [
      ours,
      await this.#bundled(),
      isShort
        ? this.#leaveOut("ours, compiled", "not in a short run")
        : await this.#compiled(),
      await this.#mosquitto(),
      await this.#paho(),
      await this.#mqttJs(),
    ];
    const time = await this.#try("time", ["--version"]);
    if (time === undefined) {
      this.#leaveOut("peak memory of publishers", "no GNU time");
    }
    return {
      programs: programs.filter((program) => program !== undefined),
      facts: [await this.#hardware(), this.#versions.join(", ")],
      leftOut: this.#leftOut,
      hasTime: time !== undefined,
    };
  }

  async #bundled(): Promise<Program | undefined> {
    // As `deno task bundle` does.
    const folder = `${this.#folder}/bundle`;
    const flags = ["--platform", "deno", "--minify", "--code-splitting"];
    const args = ["bundle", "--quiet", ...flags, "--outdir", folder];
    return await this.#build([...args, "publisher.ts"])
      ? bundled(`${folder}/publisher.js`)
      : this.#leaveOut("ours, bundled", "deno bundle failed");
  }

  async #compiled(): Promise<Program | undefined> {
    const file = `${this.#folder}/publisher`;
    const flags = ["-N", "--exclude-unused-npm"];
    const args = ["compile", "--quiet", ...flags, "--output", file];
    return await this.#build([...args, "publisher.ts"])
      ? compiled(file)
      : this.#leaveOut("ours, compiled", "deno compile failed");
  }

  async #mosquitto(): Promise<Program | undefined> {
    const clients = "command -v mosquitto_pub && command -v mosquitto_sub";
    return await this.#try("sh", ["-c", clients]) === undefined
      ? this.#leaveOut("mosquitto_pub, mosquitto_sub", "not installed")
      : mosquitto;
  }

  async #brokerVersion(): Promise<string> {
    // Its help tells, with an exit code of 3 (2.0).
    const help = await this.#try("sh", ["-c", "mosquitto -h || true"]);
    const version = help?.match(/version (\S+)/)?.[1];
    if (version !== undefined) return `Mosquitto ${version}`;
    throw new Error(
      "Mosquitto, the broker of all rows, is not on PATH; install it. Debian " +
        "keeps it in /usr/sbin.",
    );
  }

  async #paho(): Promise<Program | undefined> {
    const code = "import paho.mqtt, sys; " +
      "print(paho.mqtt.__version__, sys.version.split()[0])";
    // The first Python on PATH need not be the one that Debian's packages serve.
    for (const python of ["python3", "/usr/bin/python3"]) {
      const text = await this.#try(python, ["-c", code]);
      if (text === undefined) continue;
      const [version, pythonVersion] = text.trim().split(" ");
      this.#versions.push(`paho-mqtt ${version} on Python ${pythonVersion}`);
      return paho(python);
    }
    return this.#leaveOut("paho", "no Python has paho-mqtt");
  }

  async #mqttJs(): Promise<Program | undefined> {
    const answer = await this.#try("node", ["--version"]);
    // Without Node, Deno runs itself under that name.
    const node = answer?.match(/^v(\d+\.\d+\.\d+)/)?.[1];
    if (node === undefined) return this.#leaveOut("MQTT.js", "no Node");
    const folder = `${this.#folder}/mqtt-js`;
    const project = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
    const version = project.imports.mqtt.replace("npm:mqtt@", "");
    await Deno.mkdir(folder);
    await writeJson(`${folder}/package.json`, {
      dependencies: { mqtt: version },
    });
    await writeJson(`${folder}/deno.json`, {
      nodeModulesDir: "auto",
      lock: false,
    });
    // Deno installs it where Node finds it, from its own cache where it can.
    const installed = await this.#build(["install", "--quiet"], folder);
    if (!installed) return this.#leaveOut("MQTT.js", "it can't be installed");
    this.#versions.push(`MQTT.js ${version} on Node ${node}`);
    return mqttJs(folder);
  }

  async #hardware(): Promise<string> {
    const cpu = await this.#try("cat", ["/proc/cpuinfo"]);
    const model = cpu?.match(/^model name\s*: (.*)$/m)?.[1] ?? "CPU unknown";
    const system = await this.#try("uname", ["-srm"]) ?? Deno.build.os;
    const cores = navigator.hardwareConcurrency;
    return `${model}, ${cores} processors, ${system.trim()}`;
  }

  #leaveOut(name: string, reason: string): undefined {
    this.#leftOut.push(`${name} (${reason})`);
  }

  async #build(args: string[], cwd = ROOT): Promise<boolean> {
    const command = { file: Deno.execPath(), args, cwd };
    return await this.#read(command, BUILD_PATIENCE_MS) !== undefined;
  }

  #try(file: string, args: string[]): Promise<string | undefined> {
    return this.#read({ file, args }, PATIENCE_MS);
  }

  /** The output of a command that is there and does well. */
  async #read(
    command: Command,
    patience: number,
  ): Promise<string | undefined> {
    try {
      return await this.#processes.read(command, patience);
    } catch {
      return undefined;
    }
  }
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(file, JSON.stringify(value));
}
