/**
 * The programs that are compared: ours and what a user would run instead, each
 * as the commands of its parts. Pure.
 *
 * @module
 */

import type { Command } from "./processes.ts";
import type { Column } from "./results.ts";

/** A program that was found on this machine. */
export interface Program {
  /** Its column. */
  column: Column;
  /** Sends one message at QoS 1 and ends. */
  sendOne: (port: number, topic: string, text: string) => Command;
  /** Sends each line of stdin at QoS 1, to its end. */
  sendLines?: (port: number, topic: string) => Command;
  /** Whether it waits for each line's acknowledgement before the next. */
  isStepwise?: boolean;
  /** Prints what comes. */
  listen?: (listening: Listening) => Command;
}

/** What to listen to, and how. */
export interface Listening {
  /** The broker's, on 127.0.0.1. */
  port: number;
  /** The topics. */
  topics: string[];
  /** The QoS. */
  qos: 0 | 1;
  /** More flags for our own listener. */
  flags?: string[];
}

/** The project's folder. */
export const ROOT: string = new URL("..", import.meta.url).pathname;

/** Our scripts, run as the README says. */
export const ours: Program = {
  column: "ours",
  sendOne: (port, topic, text) =>
    publisher(port, topic, "publisher.ts", ["-m", text]),
  sendLines: (port, topic) => publisher(port, topic, "publisher.ts"),
  listen: ({ port, topics, qos, flags = [] }) => ({
    file: Deno.execPath(),
    args: [
      "run",
      "--no-prompt",
      `-N=127.0.0.1:${port}`,
      "listener.ts",
      ...["-h", "127.0.0.1", "-p", `${port}`, "-q", `${qos}`],
      ...topics.flatMap((topic) => ["-t", topic]),
      ...flags,
    ],
    cwd: ROOT,
  }),
};

/**
 * Our publisher as one file.
 *
 * @param script What `deno bundle` made.
 * @returns The program.
 */
export function bundled(script: string): Program {
  return {
    column: "ours, bundled",
    sendOne: (port, topic, text) =>
      publisher(port, topic, script, ["-m", text]),
  };
}

/**
 * Our publisher as an executable.
 *
 * @param file What `deno compile` made.
 * @returns The program.
 */
export function compiled(file: string): Program {
  return {
    column: "ours, compiled",
    sendOne: (port, topic, text) => ({
      file,
      args: [...publisherFlags(port, topic), "-m", text],
    }),
  };
}

/** Mosquitto's own clients. */
export const mosquitto: Program = {
  column: "mosquitto",
  sendOne: (port, topic, text) => ({
    file: "mosquitto_pub",
    args: [...mosquittoFlags(port, [topic], 1), "-m", text],
  }),
  sendLines: (port, topic) => ({
    file: "mosquitto_pub",
    args: [...mosquittoFlags(port, [topic], 1), "-l"],
  }),
  listen: ({ port, topics, qos }) => ({
    file: "mosquitto_sub",
    args: mosquittoFlags(port, topics, qos),
  }),
};

/**
 * The older Python program's logic.
 *
 * @param python A Python that has paho-mqtt.
 * @returns The program.
 */
export function paho(python: string): Program {
  const peer = (name: string, ...args: string[]): Command => ({
    file: python,
    args: [`${ROOT}bench/peers/${name}.py`, ...args],
  });
  return {
    column: "paho",
    sendOne: (port, topic, text) =>
      peer("paho_publisher", `${port}`, topic, text),
    sendLines: (port, topic) => peer("paho_publisher", `${port}`, topic),
    listen: ({ port, topics, qos }) =>
      peer("paho_listener", `${port}`, `${qos}`, ...topics),
  };
}

/**
 * MQTT.js's own commands, run by Node itself so that npx costs nothing.
 *
 * @param folder Where `node_modules/mqtt` is.
 * @returns The program.
 */
export function mqttJs(folder: string): Program {
  const run = (name: string, port: number, topics: string[], qos: number) => ({
    file: "node",
    args: [
      `${folder}/node_modules/mqtt/build/bin/${name}.js`,
      ...["-h", "127.0.0.1", "-p", `${port}`, "-q", `${qos}`],
      ...topics.flatMap((topic) => ["-t", topic]),
    ],
  });
  const publish = (port: number, topic: string, ...flags: string[]) => {
    const { file, args } = run("pub", port, [topic], 1);
    return { file, args: [...args, ...flags] };
  };
  return {
    column: "MQTT.js",
    sendOne: (port, topic, text) => publish(port, topic, "-m", text),
    sendLines: (port, topic) => publish(port, topic, "-s", "-M"),
    isStepwise: true,
    listen: ({ port, topics, qos }) => run("sub", port, topics, qos),
  };
}

/** Our publisher, run by Deno. */
function publisher(
  port: number,
  topic: string,
  script: string,
  flags: string[] = [],
): Command {
  const permission = `-N=127.0.0.1:${port}`;
  return {
    file: Deno.execPath(),
    args: [
      ...["run", "--no-prompt", permission, script],
      ...publisherFlags(port, topic),
      ...flags,
    ],
    cwd: ROOT,
  };
}

function publisherFlags(port: number, topic: string): string[] {
  return ["-h", "127.0.0.1", "-p", `${port}`, "-t", topic];
}

function mosquittoFlags(port: number, topics: string[], qos: number): string[] {
  return [
    ...["-h", "127.0.0.1", "-p", `${port}`, "-q", `${qos}`],
    ...topics.flatMap((topic) => ["-t", topic]),
  ];
}
