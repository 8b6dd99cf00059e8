/**
 * The environment that the libraries read while they load: nothing but a switch.
 *
 * readable-stream, debug, socks and ws, which mqtt depends on, look in
 * `process.env` for debug switches and proxies at import time; with no `env`
 * permission that throws NotCapable (measured, Deno 2.9). An empty object in
 * its place is what they would find anyway, and lets the scripts run with the
 * net permission alone.
 *
 * READABLE_STREAM=disable is readable-stream's own switch: it hands out Node's
 * streams in place of its copy of them, which takes 6 ms to load (measured).
 *
 * Must be imported before mqtt. Our own reading of MQTT_PASSWORD uses `Deno.env`
 * and is not affected.
 *
 * @module
 */

import process from "node:process";

Object.defineProperty(process, "env", {
  value: { READABLE_STREAM: "disable" },
});
