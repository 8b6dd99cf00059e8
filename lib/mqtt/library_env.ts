/**
 * Prepares the loading of MQTT.js: an environment that may be read, and no
 * unused modules. Imports are evaluated in order, so this must be the first
 * import of each file that imports MQTT.js, mqtt-packet or aedes.
 */

import module from "node:module";
import { dirname } from "node:path";
import process from "node:process";

// readable-stream, debug, socks and ws look in `process.env` for debug switches
// and proxies, and list its names; where not all of it may be read, that throws
// NotCapable (measured, Deno 2.9). With this proxy, a variable that may not be
// read is one that is not set, so the scripts run with the net permission alone.
const { state, partial } = Deno.permissions.querySync({ name: "env" });
if (state !== "granted" || partial) {
  Object.defineProperty(process, "env", { value: readableEnv() });
}
// With this, readable-stream uses Node's streams in place of its copy of them,
// which takes 6 ms to load (measured).
process.env["READABLE_STREAM"] ??= "disable";

/** The variables that may be read; setting one changes the proxy alone. */
function readableEnv(): Record<string, string | undefined> {
  return new Proxy<Record<string, string | undefined>>({}, {
    get: (own, name) =>
      typeof name !== "string" || name in own
        ? Reflect.get(own, name)
        : readIfGranted(name),
  });
}

function readIfGranted(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}

/**
 * Modules that MQTT.js loads and never uses here: timers in workers (native
 * timers are asked for) and `debug`, which loads Node's terminals. They are a
 * tenth of a one-shot's time (measured). So `DEBUG=` has no effect on MQTT.js.
 */
const STAND_INS: ReadonlyMap<string, () => unknown> = new Map([
  ["worker-timers", () => ({})],
  ["debug", () => () => Object.assign(() => {}, { enabled: false })],
  // A bundle would look for it on the disk, and Deno would ask for permission.
  ["bufferutil", () => {
    throw new Error("WebSockets do without.");
  }],
]);

/** Files of MQTT.js. Other packages load the real modules. */
const MQTT_JS = /[\\/]mqtt(-packet)?[\\/]/;

/** Whether a module is MQTT.js's, or in one bundle with this file. */
const isMqttJs = (file: string) =>
  MQTT_JS.test(file) || dirname(file) === import.meta.dirname;

/** Node's loader, a half private interface. In a bundle it finds nothing. */
type Load = (
  name: string,
  parent?: { filename?: string | null } | null,
  ...rest: unknown[]
) => unknown;

const { _load: load } = module as unknown as { _load?: Load };
if (typeof load === "function") {
  const leaveOut: Load = function (this: unknown, name, parent, ...rest) {
    const standIn = STAND_INS.get(name);
    return standIn && isMqttJs(parent?.filename ?? "")
      ? standIn()
      : load.call(this, name, parent, ...rest);
  };
  // Where it can't be replaced, the real modules are loaded.
  Reflect.set(module, "_load", leaveOut);
}
