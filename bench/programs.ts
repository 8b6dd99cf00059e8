/** The programs that are compared, as far as this machine has them. */

import { generateKeyPairSync } from "node:crypto";
import config from "../deno.json" with { type: "json" };
import type { Protection } from "../lib/codec.ts";
import { RoomSeal } from "../lib/seal.ts";
import { Signer } from "../lib/sign.ts";
import { type Command, read, ROOT } from "./clients.ts";

/** A program's commands, without the room; all take mosquitto's flags. */
interface Commands {
  publish: Command;
  listen?: Command;
  /** With which it publishes the lines of stdin. */
  lineFlags?: string[];
  /** Whether it waits for each line's acknowledgement before the next. */
  isStepwise?: boolean;
  /** How its messages are sealed or signed. */
  protection?: Protection;
  /** Its version, and that of its runtime. */
  version?: string;
}

/** The broker's port, and where programs may be built. */
type Place = { port: number; folder: string; isShort: boolean };
type Search = (place: Place) => Commands | Promise<Commands>;

/** How each is found, and why it may not be; in the order of the columns. */
const SEARCHES = {
  "ours": [({ port }) => ours(port)],
  "ours, --json": [({ port }) => ours(port, ["--json"])],
  "ours, --keep": [({ port }) => ours(port, ["--keep", "100"])],
  "ours, sealed": [sealed],
  "ours, signed": [signed],
  "ours, bundled": [bundled, "deno bundle failed"],
  "ours, packaged": [packaged, "it can't be made, or there is no Node"],
  "ours, compiled": [compiled, "deno compile failed, or the run is short"],
  "ours, task": [task],
  "mosquitto": [mosquitto, "its clients are not installed"],
  "paho": [paho, "no Python has paho-mqtt"],
  "MQTT.js": [mqttJs, "no Node, or it can't be installed"],
  "MQTT.js on Deno": [({ port }) => alone(port, "mqtt_js_on_deno.ts")],
  "empty Deno": [({ port }) => alone(port, "empty.ts")],
  "bare": [() => ({ publish: [] })],
} satisfies Record<string, [search: Search, reasonIfNot?: string]>;

export type Column = keyof typeof SEARCHES;
export const COLUMNS = Object.keys(SEARCHES) as Column[];
export type Program = Commands & { column: Column };

/** Finds the programs and GNU time, and returns the facts of the machine. */
export async function findPrograms(place: Place) {
  const programs: Program[] = [];
  const leftOut: string[] = [];
  for (const column of COLUMNS) {
    const [search, reasonIfNot] = SEARCHES[column] as [Search, string?];
    try {
      programs.push({ column, ...await search(place) });
    } catch (error) {
      if (reasonIfNot === undefined) throw error;
      leftOut.push(`${column} (${reasonIfNot})`);
    }
  }
  const gnuTime = ["time", "-f", "%M"];
  const time = await read([...gnuTime, "true"]).then(() => gnuTime, () => []);
  if (time.length === 0) leftOut.push("memory of publishers (no GNU time)");
  const cpu = await shell("grep -m1 'model name' /proc/cpuinfo");
  // Mosquitto prints its version in its help, with an exit code of 3 (2.0).
  const [, mosquitto] = /version (\S+)/.exec(await shell("mosquitto -h; :"))!;
  const versions = [`Mosquitto ${mosquitto}`, `Deno ${Deno.version.deno}`];
  versions.push(...programs.flatMap(({ version }) => version ?? []));
  const facts = [
    `${cpu.split(": ")[1].trim()}, ${navigator.hardwareConcurrency} processors`,
    versions.join(", "),
    `Left out: ${leftOut.join(", ") || "nothing"}`,
  ];
  return { programs, time, facts };
}

const shell = (line: string) => read(["sh", "-c", line]);
const address = (port: number) => ["-h", "127.0.0.1", "-p", `${port}`];

const both = (publish: Command, listen: Command, port: number) => ({
  publish: [...publish, ...address(port)],
  listen: [...listen, ...address(port)],
});

/** Starts a script as its first line does; it may read one file. */
const deno = (port: number, script: string, file?: string) => [
  ...[Deno.execPath(), "run", "--no-prompt", `-N=127.0.0.1:${port}`],
  "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=100,--no-lazy",
  ...file ? [`-R=${file}`] : [],
  ...[script, ...address(port)],
];

const alone = (port: number, file: string) => ({
  publish: deno(port, `bench/peers/${file}`),
});

const ours = (port: number, flags: string[] = [], file?: string) => ({
  publish: [...deno(port, "publisher.ts", file), ...flags],
  listen: [...deno(port, "listener.ts", file), ...flags],
});

async function sealed({ folder, port }: Place) {
  const file = `${folder}/secret`;
  await Deno.writeTextFile(file, "correct horse battery staple");
  const protection = { seal: new RoomSeal("correct horse battery staple") };
  return { ...ours(port, ["--secret-file", file], file), protection };
}

async function signed({ folder, port }: Place) {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = `${privateKey.export({ type: "pkcs8", format: "pem" })}`;
  const file = `${folder}/sign.key`;
  await Deno.writeTextFile(file, pem);
  const flags = ["--sign-key", file, "--name", "Ada"];
  return {
    ...ours(port, flags, file),
    protection: { signer: Signer.fromPem(pem) },
  };
}

/** As `deno task bundle` makes it. */
async function bundled({ folder, port }: Place) {
  const [, ...task] = config.tasks.bundle.command.split(" ");
  const args = task.map((arg) => arg === "dist" ? folder : arg);
  await read([Deno.execPath(), ...args]);
  return { publish: deno(port, `${folder}/publisher.js`) };
}

/** The npm package, as npm installs it. */
async function packaged({ folder, port }: Place) {
  const flags = ["--quiet", "--no-prompt", "-R=.", "-W=dist", "--allow-run"];
  await read([Deno.execPath(), "run", ...flags, "npm/pack.ts"]);
  const modules = `${folder}/node_modules`;
  await Deno.mkdir(`${modules}/deno`, { recursive: true });
  await Deno.writeTextFile(`${modules}/deno/package.json`, "{}");
  await read(["ln", "-s", Deno.execPath(), `${modules}/deno/deno`]);
  await read(["cp", "-r", "dist/npm/package", `${modules}/mqtt-chat`]);
  const command = `${modules}/mqtt-chat/bin/mqtt-publisher.cjs`;
  return { publish: ["node", command, ...address(port)] };
}

async function compiled({ folder, port, isShort }: Place) {
  if (isShort) throw new Error("It may take a download.");
  const file = `${folder}/publisher`;
  const flags = ["--quiet", "-N", "--exclude-unused-npm", "--output", file];
  await read([Deno.execPath(), "compile", ...flags, "publisher.ts"]);
  return { publish: [file, ...address(port)] };
}

/** As `deno task publish`, but for this broker. */
async function task({ folder, port }: Place) {
  const file = `${folder}/deno.json`;
  const tasks = JSON.stringify(config)
    .replaceAll("localhost:1883", `127.0.0.1:${port}`);
  await Deno.writeTextFile(file, tasks);
  const flags = ["--quiet", "--config", file, "--cwd", ROOT, "publish"];
  return { publish: [Deno.execPath(), "task", ...flags, ...address(port)] };
}

async function mosquitto({ port }: Place) {
  await shell("command -v mosquitto_sub");
  const commands = both(["mosquitto_pub"], ["mosquitto_sub"], port);
  return { ...commands, lineFlags: ["-l"] };
}

async function paho({ port }: Place) {
  const code = "import paho.mqtt, sys; " +
    "print(paho.mqtt.__version__, 'on Python', sys.version.split()[0])";
  // Debian's packages serve /usr/bin/python3, which need not be first on PATH.
  let python = "python3";
  const version = await read([python, "-c", code])
    .catch(() => read([python = "/usr/bin/python3", "-c", code]));
  const peer = [python, "bench/peers/paho_peer.py"];
  const commands = both([...peer, "publish"], [...peer, "listen"], port);
  return { ...commands, version: `paho-mqtt ${version.trim()}` };
}

/** MQTT.js's own commands, run by Node itself so that npx costs nothing. */
async function mqttJs({ folder, port }: Place) {
  const node = await read(["node", "--version"]);
  const mqtt = config.imports.mqtt.replace("npm:mqtt@", "");
  const json = JSON.stringify({ dependencies: { mqtt } });
  const place = `${folder}/mqtt-js`;
  await Deno.mkdir(place);
  await Deno.writeTextFile(`${place}/package.json`, json);
  // Deno installs it where Node finds it, from its own cache where it can.
  await read([Deno.execPath(), "install", "--quiet", "--no-lock"], place);
  const bin = `${place}/node_modules/mqtt/build/bin`;
  return {
    ...both(["node", `${bin}/pub.js`], ["node", `${bin}/sub.js`], port),
    version: `MQTT.js ${mqtt} on Node ${node.trim().slice(1)}`,
    lineFlags: ["-s", "-M"],
    isStepwise: true,
  };
}
