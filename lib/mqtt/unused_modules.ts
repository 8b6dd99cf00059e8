/**
 * Modules that MQTT.js loads and that we never have it use, left out: timers in
 * workers (we ask for native ones) and `debug`, which loads Node's terminals.
 * They are a tenth of a one-shot's time (measured). `DEBUG=` is without effect
 * on MQTT.js, therefore; `--debug` is ours.
 *
 * Must be imported before mqtt. It goes by an interface of Node's module loader
 * that is half private; where that is another, the real modules are loaded. A
 * bundle has none: it is made without them, and by this it finds none missing.
 *
 * @module
 */

import module from "node:module";
import { dirname } from "node:path";

/** What they are for MQTT.js, by name. */
const STAND_INS: ReadonlyMap<string, () => unknown> = new Map([
  ["worker-timers", () => ({})],
  ["debug", () => () => Object.assign(() => {}, { enabled: false })],
  // A bundle would look for it on the disk, which Deno asks people about.
  ["bufferutil", () => {
    throw new Error("WebSockets do without.");
  }],
]);

/** The modules of MQTT.js; what others load is as they expect it. */
const MQTT_JS = /[\\/]mqtt(-packet)?[\\/]/;

/** Whether a module is MQTT.js's, or is in a bundle together with this one. */
const isMqttJs = (file: string) =>
  MQTT_JS.test(file) || dirname(file) === import.meta.dirname;

/** Node's loader: a module by its name, for the one that wants it. */
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
  // Where it can't be replaced it stays.
  Reflect.set(module, "_load", leaveOut);
}
