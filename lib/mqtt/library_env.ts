/**
 * The environment as the libraries under MQTT.js find it while they load, and
 * as the rest of the program keeps it.
 *
 * readable-stream, debug, socks and ws look in `process.env` for debug switches
 * and proxies at import time, and list its names; where not all of it may be
 * read, that throws NotCapable (measured, Deno 2.9). There they get one in
 * which a variable that may not be read is one that isn't set, so that the
 * scripts run with the net permission alone.
 *
 * Must be imported before mqtt.
 *
 * @module
 */

import process from "node:process";

/** How readable-stream is told of Node's streams. */
const SWITCH = "READABLE_STREAM";

const { state, partial } = Deno.permissions.querySync({ name: "env" });
if (state !== "granted" || partial) {
  Object.defineProperty(process, "env", { value: readableEnv() });
}
// readable-stream's own switch: it hands out Node's streams in place of its
// copy of them, which takes 6 ms to load (measured).
process.env[SWITCH] ??= "disable";

/** An environment of what may be read; what is set in it stays in it. */
function readableEnv(): Record<string, string | undefined> {
  return new Proxy<Record<string, string | undefined>>({}, {
    get: (own, name) =>
      typeof name !== "string" || name in own
        ? Reflect.get(own, name)
        : readIfGranted(name),
  });
}

/** A variable, where reading it is permitted; undefined where not. */
function readIfGranted(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}
