/**
 * Modules that MQTT.js loads and that we never have it use, left out: timers in
 * workers (we ask for native ones) and `debug`, which loads Node's terminals.
 * They are a tenth of a one-shot's time (measured). `DEBUG=` is without effect
 * on MQTT.js, therefore; `--debug` is ours.
 *
 * Must be imported before mqtt. It goes by an interface of Node's module loader
 * that is half private; where that is another, the real modules are loaded.
 *
 * @module
 */

import module from "node:module";

/** What they are for MQTT.js, by name. */
const STAND_INS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["worker-timers", {}],
  ["debug", () => Object.assign(() => {}, { enabled: false })],
]);

/** The modules of MQTT.js; what others load is as they expect it. */
const MQTT_JS = /[\\/]mqtt(-packet)?[\\/]/;

/** Node's loader: a module by its name, for the one that wants it. */
type Load = (
  name: string,
  parent?: { filename?: string | null } | null,
  ...rest: unknown[]
) => unknown;

const { _load: load } = module as unknown as { _load?: Load };
if (typeof load === "function") {
  const leaveOut: Load = function (this: unknown, name, parent, ...rest) {
    const isUnused = STAND_INS.has(name) &&
      MQTT_JS.test(parent?.filename ?? "");
    return isUnused
      ? STAND_INS.get(name)
      : load.call(this, name, parent, ...rest);
  };
  // Where it can't be replaced it stays.
  Reflect.set(module, "_load", leaveOut);
}
