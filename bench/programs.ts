/** The programs that are compared, as far as this machine has them. */

import { generateKeyPairSync } from "node:crypto";
import config from "../deno.json" with { type: "json" };
import type { Protection } from "../lib/codec.ts";
import { RoomSeal } from "../lib/seal.ts";
import { Signer } from "../lib/sign.ts";
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
  /** Its version, and that of its runtime. */
  version?: string;
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
const SEARCHES: [column: Column, search: Search, reasonIfNot?: string][] = [
  ["ours", ({ port }) => ours(port)],
  ["ours, --json", ({ port }) => ours(port, ["--json"])],
  ["ours, --keep", ({ port }) => ours(port, ["--keep", "100"])],
  ["ours, sealed", sealed],
  ["ours, signed", signed],
  ["ours, bundled", bundled, "deno bundle failed"],
  ["ours, compiled", compiled, "deno compile failed, or the run is short"],
  ["ours, task", task],
  ["mosquitto", mosquitto, "its clients are not installed"],
  ["paho", paho, "no Python has paho-mqtt"],
  ["MQTT.js", mqttJs, "no Node, or it can't be installed"],
  ["MQTT.js on Deno", floor("mqtt_js_on_deno.ts")],
  ["empty Deno", floor("empty.ts")],
  ["bare", () => ({ publish: [] })],
];

/** Finds the programs and GNU time, and returns the facts of the machine. */
export async function findPrograms(place: Place) {
  const programs: Program[] = [];
  const leftOut: string[] = [];
  for (const [column, search, reasonIfNot] of SEARCHES) {
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
  const cpu = await read(["sh", "-c", "grep -m1 'model name' /proc/cpuinfo"]);
  const cores = navigator.hardwareConcurrency;
  // Mosquitto prints its version in its help, with an exit code of 3 (2.0).
  const help = await read(["sh", "-c", "mosquitto -h || true"]);
  const versions = [
    `Mosquitto ${help.match(/version (\S+)/)?.[1]}`,
    `Deno ${Deno.version.deno}`,
    ...programs.flatMap(({ version }) => version ?? []),
  ];
  const facts = [
    `${cpu.split(": ")[1].trim()}, ${cores} processors`,
    versions.join(", "),
    `Left out: ${leftOut.join(", ") || "nothing"}`,
  ];
  return { programs, time, facts };
}

/** The flags of a room, for every program. */
export const roomFlags = ({ topics, qos }: Room): string[] => [
  ...["-q", `${qos}`],
  ...topics.flatMap((topic) => ["-t", topic]),
];

const address = (port: number) => ["-h", "127.0.0.1", "-p", `${port}`];

/** Starts a script as its first line does; it may read one file. */
const deno = (port: number, script: string, file?: string) => [
  ...[Deno.execPath(), "run", "--no-prompt", `-N=127.0.0.1:${port}`],
  ...["--v8-flags=--max-semi-space-size=2", ...file ? [`-R=${file}`] : []],
  ...[script, ...address(port)],
];

const ours = (port: number, flags: string[] = [], file?: string) => ({
  publish: [...deno(port, "publisher.ts", file), ...flags],
  listen: [...deno(port, "listener.ts", file), ...flags],
});

async function sealed({ folder, port }: Place) {
  const secret = "correct horse battery staple";
  const file = `${folder}/secret`;
  await Deno.writeTextFile(file, secret);
  const protection = { seal: new RoomSeal(secret) };
  return { ...ours(port, ["--secret-file", file], file), protection };
}

async function signed({ folder, port }: Place) {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = `${privateKey.export({ type: "pkcs8", format: "pem" })}`;
  const file = `${folder}/sign.key`;
  await Deno.writeTextFile(file, pem);
  const flags = ["--sign-key", file, "--name", "Ada"];
  const protection = { signer: Signer.fromPem(pem) };
  return { ...ours(port, flags, file), protection };
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
