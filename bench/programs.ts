/** The programs that are compared, as far as this machine has them. */

import config from "../deno.json" with { type: "json" };
import type { Protection } from "../lib/codec.ts";
import type { Room } from "./clients.ts";
import { type Command, read, ROOT } from "./processes.ts";
import type { Column } from "./report.ts";

/** A program's commands without the room; all take mosquitto's flags. */
export interface Program {
  column: Column;
  publish: Command;
  /** Missing where the program only sends one message. */
  listen?: Command;
  /** With which it publishes the lines of stdin. */
  lineFlags?: string[];
  /** Whether it waits for each line's acknowledgement before the next. */
  isStepwise?: boolean;
  /** How its messages are sealed or signed. */
  protection?: Protection;
  /** Its version, and that of what runs it. */
  version?: string;
}

export interface Found {
  programs: Program[];
  /** The programs, and what only sends one message. */
  oneShots: Program[];
  /** GNU time, which prints the peak memory of a command; or empty. */
  time: Command;
  /** The machine, the versions, and what was not found. */
  facts: string[];
}

/** The broker's port, and where programs may be built. */
interface Place {
  port: number;
  folder: string;
  /** Whether to skip the download that `deno compile` may need. */
  isShort: boolean;
}

type Commands = Omit<Program, "column">;
type Search = (place: Place) => Commands | Promise<Commands>;

/** How each is found, and why it may not be. */
const SEARCHES: [column: Column, search: Search, reasonIfNot: string][] = [
  ["ours", ({ port }) => ours(port), ""],
  ["ours, bundled", bundled, "deno bundle failed"],
  ["ours, compiled", compiled, "deno compile failed, or the run is short"],
  ["ours, task", task, ""],
  ["mosquitto", mosquitto, "its clients are not installed"],
  ["paho", paho, "no Python has paho-mqtt"],
  ["MQTT.js", mqttJs, "no Node, or it can't be installed"],
  ["MQTT.js on Deno", floor("mqtt_js_on_deno.ts"), ""],
  ["empty Deno", floor("empty.ts"), ""],
];

export async function findPrograms(place: Place): Promise<Found> {
  const oneShots: Program[] = [];
  const leftOut: string[] = [];
  for (const [column, search, reasonIfNot] of SEARCHES) {
    try {
      oneShots.push({ column, ...await search(place) });
    } catch {
      leftOut.push(`${column} (${reasonIfNot})`);
    }
  }
  const gnuTime = ["time", "-f", "%M"];
  const time = await read([...gnuTime, "true"]).then(() => gnuTime, () => []);
  if (time.length === 0) leftOut.push("memory of publishers (no GNU time)");
  const cpu = await read(["sh", "-c", "grep -m1 'model name' /proc/cpuinfo"]);
  const cores = navigator.hardwareConcurrency;
  // Mosquitto prints its version in its help, with an exit code of 3 (2.0).
  const help = await read(["sh", "-c", "mosquitto -h || true"]);
  const versions = oneShots.flatMap(({ version }) => version ?? []);
  const facts = [
    `${cpu.split(": ")[1].trim()}, ${cores} processors`,
    `Mosquitto ${help.match(/version (\S+)/)?.[1]}, ${versions.join(", ")}`,
    `Left out: ${leftOut.join(", ") || "nothing"}`,
  ];
  const programs = oneShots.filter(({ listen }) => listen);
  return { programs, oneShots, time, facts };
}

/** The flags of a room, for every program. */
export const roomFlags = ({ topics, qos }: Room): string[] => [
  ...["-q", `${qos}`],
  ...topics.flatMap((topic) => ["-t", topic]),
];

const address = (port: number) => ["-h", "127.0.0.1", "-p", `${port}`];

/** Starts a script as its first line does. */
const deno = (port: number, script: string, permissions: string[] = []) => [
  ...[Deno.execPath(), "run", "--no-prompt"],
  "--v8-flags=--max-semi-space-size=2",
  ...[`-N=127.0.0.1:${port}`, ...permissions, script, ...address(port)],
];

/** Our scripts, with more permissions and flags. */
export function ours(
  port: number,
  permissions: string[] = [],
  flags: string[] = [],
) {
  return {
    version: `Deno ${Deno.version.deno}`,
    publish: [...deno(port, "publisher.ts", permissions), ...flags],
    listen: [...deno(port, "listener.ts", permissions), ...flags],
  };
}

/** As `deno task bundle` makes it. */
async function bundled({ folder, port }: Place) {
  const [, ...task] = config.tasks.bundle.command.split(" ");
  const args = task.map((arg) => arg === "dist" ? `${folder}/bundle` : arg);
  await read([Deno.execPath(), ...args]);
  return { publish: deno(port, `${folder}/bundle/publisher.js`) };
}

async function compiled({ folder, port, isShort }: Place) {
  if (isShort) throw new Error("Not in a short run.");
  const file = `${folder}/publisher`;
  const flags = ["--quiet", "-N", "--exclude-unused-npm", "--output", file];
  await read([Deno.execPath(), "compile", ...flags, "publisher.ts"]);
  return { publish: [file, ...address(port)] };
}

/** As `deno task publish`, but for this broker. */
async function task({ folder, port }: Place) {
  const file = `${folder}/deno.json`;
  const tasks = (await Deno.readTextFile(`${ROOT}deno.json`))
    .replaceAll("localhost:1883", `127.0.0.1:${port}`);
  await Deno.writeTextFile(file, tasks);
  const flags = ["--quiet", "--config", file, "--cwd", ROOT];
  const command = [Deno.execPath(), "task", ...flags, "publish"];
  return { publish: [...command, ...address(port)] };
}

/** A file of `peers/`, on Deno. */
function floor(file: string): Search {
  return ({ port }) => ({ publish: deno(port, `bench/peers/${file}`) });
}

async function mosquitto({ port }: Place) {
  await read(["sh", "-c", "command -v mosquitto_sub"]);
  return {
    publish: ["mosquitto_pub", ...address(port)],
    listen: ["mosquitto_sub", ...address(port)],
    lineFlags: ["-l"],
  };
}

async function paho({ port }: Place) {
  const code = "import paho.mqtt, sys; " +
    "print(paho.mqtt.__version__, 'on Python', sys.version.split()[0])";
  // Debian's packages serve /usr/bin/python3, which need not be first on PATH.
  let python = "python3";
  const version = await read([python, "-c", code])
    .catch(() => read([python = "/usr/bin/python3", "-c", code]));
  const command = [python, "bench/peers/paho_peer.py"];
  return {
    version: `paho-mqtt ${version.trim()}`,
    publish: [...command, "publish", ...address(port)],
    listen: [...command, "listen", ...address(port)],
  };
}

/** MQTT.js's own commands, run by Node itself so that npx costs nothing. */
async function mqttJs({ folder: parent, port }: Place) {
  const node = await read(["node", "--version"]);
  const folder = `${parent}/mqtt-js`;
  const mqtt = config.imports.mqtt.replace("npm:mqtt@", "");
  await Deno.mkdir(folder);
  const json = JSON.stringify({ dependencies: { mqtt } });
  await Deno.writeTextFile(`${folder}/package.json`, json);
  // Deno installs it where Node finds it, from its own cache where it can.
  await read([Deno.execPath(), "install", "--quiet", "--no-lock"], folder);
  const bin = `${folder}/node_modules/mqtt/build/bin`;
  return {
    version: `MQTT.js ${mqtt} on Node ${node.trim().slice(1)}`,
    publish: ["node", `${bin}/pub.js`, ...address(port)],
    listen: ["node", `${bin}/sub.js`, ...address(port)],
    lineFlags: ["-s", "-M"],
    isStepwise: true,
  };
}
