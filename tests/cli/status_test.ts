import { assertEquals } from "@std/assert";
import { parseBroker } from "../../lib/mqtt/address.ts";
import type { Status } from "../../lib/client.ts";
import { statusLine, type Verbosity } from "../../lib/cli/status.ts";

const broker = parseBroker("mqtts://ann:secret@chat.example");
const connected = (version: 4 | 5, more: Partial<Status> = {}) =>
  ({
    ...{ type: "connected", broker, version, sessionPresent: false },
    ...more,
  }) as Status;

/** From the one that shows least to the one that shows all. */
const VERBOSITIES = ["quiet", "terse", "normal", "debug"] as const;

/** Statuses, the least verbosity that shows them, and their lines. */
const STATUSES: [Status, Verbosity, string][] = [
  [connected(4), "normal", "Connected to mqtts://chat.example:8883."],
  [
    connected(5, { gap: 2 }),
    "terse",
    "Connected again to mqtts://chat.example:8883.",
  ],
  [
    connected(4, { gap: 2, isRenewed: true }),
    "debug",
    "Connected again to mqtts://chat.example:8883.",
  ],
  [
    { type: "subscribed", topic: "chat/room", qos: 2 },
    "normal",
    "Reading chat/room at QoS 2.",
  ],
  [
    { type: "denied", topic: "secret/#", reason: "not authorized" },
    "quiet",
    "The broker does not let you read secret/#: not authorized.",
  ],
  [
    { type: "lowered", broker, qos: 0 },
    "quiet",
    "mqtts://chat.example:8883 takes QoS 0 at most; messages are sent with " +
    "that.",
  ],
  [
    { type: "not kept", broker },
    "quiet",
    "mqtts://chat.example:8883 keeps no session: you miss messages while you " +
    "are away.",
  ],
  [
    { type: "maybe shared", broker, clientId: "ann 1" },
    "quiet",
    "mqtts://chat.example:8883 closed several connections and gave no " +
    'reason. Another client may use the id "ann 1"; or something in between ' +
    "closes connections, or the broker rejects what is sent.",
  ],
  [
    { type: "disconnected", broker, reason: "server shutting down" },
    "terse",
    "Disconnected from mqtts://chat.example:8883: server shutting down.",
  ],
  [
    { type: "reconnecting", broker, seconds: 0.8421 },
    "terse",
    "Trying chat.example:8883 in 0.8 s.",
  ],
  [
    { type: "failed", broker, reason: "refused" },
    "terse",
    "No connection to mqtts://chat.example:8883: refused.",
  ],
  [
    { type: "set aside", topic: "chat/a", reason: "gone", seconds: 4 },
    "terse",
    "chat/a is not read for now: gone. Trying again in 4 s.",
  ],
  [{ type: "step", text: "no connection" }, "debug", "Debug: no connection."],
  // A hostile reason stays one harmless line.
  [
    { type: "disconnected", broker, reason: "x\n\x1b[2J\u202e" },
    "terse",
    "Disconnected from mqtts://chat.example:8883: x ⏎ <U+001B>[2J<U+202E>.",
  ],
];

Deno.test("status: each verbosity shows its lines, --debug the version", () => {
  for (const [status, least, line] of STATUSES) {
    const version = "version" in status && status.version === 5 ? "5" : "3.1.1";
    for (const [index, verbosity] of VERBOSITIES.entries()) {
      const shown = status.type === "connected" && verbosity === "debug"
        ? line.replace(/\.$/, `, MQTT ${version}.`)
        : line;
      assertEquals(
        statusLine(status, verbosity),
        index >= VERBOSITIES.indexOf(least) ? shown : undefined,
        `${status.type}, ${verbosity}`,
      );
    }
  }
});

Deno.test("status: no line has a password or the token of a URL", () => {
  const broker = parseBroker("wss://ann:secret@chat.example/mqtt?token=secret");
  const shown = "wss://chat.example:443/mqtt";
  for (
    const status of [
      { type: "connected", broker, version: 5, sessionPresent: true },
      { type: "lowered", broker, qos: 0 },
      { type: "not kept", broker },
      { type: "maybe shared", broker, clientId: "x" },
      { type: "disconnected", broker, reason: "gone" },
    ] satisfies Status[]
  ) {
    const line = statusLine(status, "debug")!;
    assertEquals(line.includes(shown), true, line);
    assertEquals(line.includes("secret"), false, line);
  }
});
