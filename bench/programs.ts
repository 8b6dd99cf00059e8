/**
 * The programs that are compared, as far as this machine has them: ours and
 * what a user would run instead. All of them take mosquitto's flags.
 *
 * @module
 */

import { bundleIn, SMALL_HEAP } from "../lib/cli/install.ts";
import type { Column } from "./figures.ts";
import { type Command, type Processes, ROOT } from "./processes.ts";

/** What sends a single message, in a process of its own. */
export interface OneShot {
  column: Column;
  /** The command that publishes, with the broker's address. */
  publish: Command;
  /** Its version, and that of what runs it. */
  version?: string;
}

/** A program of both halves. */
export interface Program extends OneShot {
  /** The flags with which it publishes the lines of stdin. */
  lineFlags: string[];
  /** Whether it waits for each line's acknowledgement before the next. */
  isStepwise?: boolean;
  /** The command that prints what comes, with the broker's address. */
  listen: Command;
}

/** Where programs are looked for. */
export interface Place {
  processes: Processes;
  /** Where they may be built. */
  folder: string;
  /** The broker's, on 127.0.0.1. */
  port: number;
  /** Whether to spare the download that `deno compile` may need. */
  isShort: boolean;
}

/** What was found. */
export interface Found {
  programs: Program[];
  /** The programs, and builds of ours that take part in row 1 alone. */
  oneShots: OneShot[];
  /** Whether GNU time is there, which tells the memory of short processes. */
  hasTime: boolean;
  /** Sentences on the machine, the versions, and what was not found. */
  facts: string[];
}

type Commands = Omit<OneShot | Program, "column">;
type Search = (place: Place) => Commands | Promise<Commands>;

/** How each is found, and why it may not be. */
const SEARCHES: [column: Column, search: Search, reasonIfNot: string][] = [
  ["ours", ours, ""],
  ["ours, bundled", bundled, "deno bundle failed"],
  ["ours, compiled", compiled, "deno compile failed, or the run is short"],
  ["ours, task", task, ""],
  ["mosquitto", mosquitto, "its clients are not installed"],
  ["paho", paho, "no Python has paho-mqtt"],
  ["MQTT.js", mqttJs, "no Node, or it can't be installed"],
  ["MQTT.js on Deno", floor("mqtt_js_on_deno.ts"), ""],
  ["empty Deno", floor("empty.ts"), ""],
];

/** Looks for all of them. */
export async function findPrograms(place: Place): Promise<Found> {
  const oneShots: (OneShot | Program)[] = [];
  const leftOut: string[] = [];
  for (const [column, search, reasonIfNot] of SEARCHES) {
    try {
      oneShots.push({ column, ...await search(place) });
    } catch {
      leftOut.push(`${column} (${reasonIfNot})`);
    }
  }
  const hasTime = await place.processes.read(["time", "--version"])
    .then(() => true, () => false);
  if (!hasTime) leftOut.push("peak memory of publishers (no GNU time)");
  const versions = oneShots.flatMap(({ version }) => version ?? []);
  const facts = [
    await hardware(place.processes),
    [await brokerVersion(place.processes), ...versions].join(", "),
  ];
  if (leftOut.length > 0) facts.push(`Left out: ${leftOut.join(", ")}`);
  const programs = oneShots.filter((found) => "listen" in found);
  return { programs, oneShots, hasTime, facts };
}

async function hardware(processes: Processes): Promise<string> {
  const cpu = await processes.read(["cat", "/proc/cpuinfo"]);
  const model = cpu.match(/^model name\s*: (.*)$/m)?.[1] ?? "CPU unknown";
  const system = await processes.read(["uname", "-srm"]);
  const cores = navigator.hardwareConcurrency;
  return `${model}, ${cores} processors, ${system.trim()}`;
}

async function brokerVersion(processes: Processes): Promise<string> {
  // Its help tells, with an exit code of 3 (2.0).
  const help = await processes.read(["sh", "-c", "mosquitto -h || true"]);
  return `Mosquitto ${help.match(/version (\S+)/)?.[1]}`;
}

/** The command that sends one message at QoS 1 and ends. */
export const sendOne = ({ publish }: OneShot, topic: string, text: string) => [
  ...publish,
  ...roomFlags([topic], 1),
  ...["-m", text],
];

/** The command that sends each line of stdin at QoS 1, to its end. */
export const sendLines = ({ publish, lineFlags }: Program, topic: string) => [
  ...publish,
  ...roomFlags([topic], 1),
  ...lineFlags,
];

/** The command that prints what comes. */
export const listenTo = ({ listen }: Program, topics: string[], qos: 0 | 1) => [
  ...listen,
  ...roomFlags(topics, qos),
];

const roomFlags = (topics: string[], qos: 0 | 1) => [
  ...["-q", `${qos}`],
  ...topics.flatMap((topic) => ["-t", topic]),
];

const address = (port: number) => ["-h", "127.0.0.1", "-p", `${port}`];

const deno = (port: number, script: string): Command => [
  ...[Deno.execPath(), "run", "--no-prompt", SMALL_HEAP],
  ...[`-N=127.0.0.1:${port}`, script, ...address(port)],
];

/** Our scripts, run as their first lines say. */
function ours({ port }: Place) {
  return {
    version: `Deno ${Deno.version.deno}`,
    publish: deno(port, "publisher.ts"),
    lineFlags: [],
    listen: deno(port, "listener.ts"),
  };
}

/** As `deno task bundle` makes it. */
async function bundled({ processes, folder, port }: Place) {
  await processes.read([Deno.execPath(), ...bundleIn(`${folder}/bundle`)]);
  return { publish: deno(port, `${folder}/bundle/publisher.js`) };
}

async function compiled({ processes, folder, port, isShort }: Place) {
  if (isShort) throw new Error("Not in a short run.");
  const file = `${folder}/publisher`;
  await processes.read([
    ...[Deno.execPath(), "compile", "--quiet", "-N", "--exclude-unused-npm"],
    ...["--output", file, "publisher.ts"],
  ]);
  return { publish: [file, ...address(port)] };
}

/** As `deno task publish`, but for this broker. */
async function task({ folder, port }: Place) {
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const { publish } = config.tasks;
  publish.command = publish.command.replace(
    "localhost:1883",
    `127.0.0.1:${port}`,
  );
  const file = `${folder}/deno.json`;
  await Deno.writeTextFile(file, JSON.stringify(config));
  const command = [Deno.execPath(), "task", "--quiet", "--config", file];
  return {
    publish: [...command, "--cwd", ROOT, "publish", ...address(port)],
  };
}

/** A floor: one of our peers' files on Deno. */
function floor(file: string): Search {
  return ({ port }) => ({ publish: deno(port, `bench/peers/${file}`) });
}

async function mosquitto({ processes, port }: Place) {
  const clients = "command -v mosquitto_pub && command -v mosquitto_sub";
  await processes.read(["sh", "-c", clients]);
  return {
    publish: ["mosquitto_pub", ...address(port)],
    lineFlags: ["-l"],
    listen: ["mosquitto_sub", ...address(port)],
  };
}

/** The older Python program's logic. */
async function paho({ processes, port }: Place) {
  const code = "import paho.mqtt, sys; " +
    "print(paho.mqtt.__version__, sys.version.split()[0])";
  const ask = (python: string) => processes.read([python, "-c", code]);
  // The first Python on PATH need not be the one that Debian's packages serve.
  let python = "python3";
  const answer = await ask(python).catch(() =>
    ask(python = "/usr/bin/python3")
  );
  const [version, pythonVersion] = answer.trim().split(" ");
  const peer = (name: string) => [
    ...[python, `bench/peers/${name}.py`],
    ...address(port),
  ];
  return {
    version: `paho-mqtt ${version} on Python ${pythonVersion}`,
    publish: peer("paho_publisher"),
    lineFlags: [],
    listen: peer("paho_listener"),
  };
}

/** MQTT.js's own commands, run by Node itself so that npx costs nothing. */
async function mqttJs({ processes, folder: parent, port }: Place) {
  const answer = await processes.read(["node", "--version"]);
  // Without Node, Deno runs itself under that name.
  const node = answer.match(/^v(\d+\.\d+\.\d+)/)?.[1];
  if (node === undefined) throw new Error("This is not Node.");
  const folder = `${parent}/mqtt-js`;
  const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const version = imports.mqtt.replace("npm:mqtt@", "");
  await Deno.mkdir(folder);
  await Deno.writeTextFile(
    `${folder}/package.json`,
    JSON.stringify({ dependencies: { mqtt: version } }),
  );
  // Deno installs it where Node finds it, from its own cache where it can.
  const install = [Deno.execPath(), "install", "--quiet", "--no-lock"];
  await processes.read(install, folder);
  const command = (name: string) => [
    ...["node", `${folder}/node_modules/mqtt/build/bin/${name}.js`],
    ...address(port),
  ];
  return {
    version: `MQTT.js ${version} on Node ${node}`,
    publish: command("pub"),
    lineFlags: ["-s", "-M"],
    isStepwise: true,
    listen: command("sub"),
  };
}
