import { assertEquals } from "@std/assert";
import { parseBroker } from "../../lib/mqtt/address.ts";
import type { Status } from "../../lib/client.ts";
import { statusLine, type Verbosity } from "../../lib/cli/status.ts";

const broker = parseBroker("mqtts://ann:secret@chat.example");
const connected = (again: boolean, version: 4 | 5 = 4): Status => ({
  type: "connected",
  broker,
  version,
  sessionPresent: again,
  ...again && { gap: 2 },
});

/** Statuses, their lines, and the verbosities that show them. */
const STATUSES: [Status, string, Verbosity[]][] = [
  [
    connected(false),
    "Connected to mqtts://chat.example:8883.",
    ["normal"],
  ],
  [
    connected(true),
    "Connected again to mqtts://chat.example:8883.",
    ["terse", "normal"],
  ],
  [
    { ...connected(true), isRenewed: true } as Status,
    "Connected again to mqtts://chat.example:8883, MQTT 3.1.1.",
    ["debug"],
  ],
  [
    { type: "subscribed", topic: "chat/room", qos: 2 },
    "Reading chat/room at QoS 2.",
    ["normal", "debug"],
  ],
  [
    { type: "denied", topic: "secret/#", reason: "not authorized" },
    "The broker does not let you read secret/#: not authorized.",
    ["quiet", "terse", "normal", "debug"],
  ],
  [
    { type: "lowered", broker, qos: 0 },
    "mqtts://chat.example:8883 takes QoS 0 at most; messages are sent with " +
    "that.",
    ["quiet", "terse", "normal", "debug"],
  ],
  [
    { type: "not kept", broker },
    "mqtts://chat.example:8883 keeps no session: you miss messages while you " +
    "are away.",
    ["quiet", "terse", "normal", "debug"],
  ],
  [
    { type: "maybe shared", broker, clientId: "ann 1" },
    "mqtts://chat.example:8883 closed several connections and gave no " +
    'reason. Another client may use the id "ann 1"; or something in between ' +
    "closes connections, or the broker rejects what is sent.",
    ["quiet", "terse", "normal", "debug"],
  ],
  [
    { type: "disconnected", broker, reason: "server shutting down" },
    "Disconnected from mqtts://chat.example:8883: server shutting down.",
    ["terse", "normal", "debug"],
  ],
  [
    { type: "reconnecting", broker, seconds: 0.8421 },
    "Trying chat.example:8883 in 0.8 s.",
    ["terse", "normal", "debug"],
  ],
  [
    { type: "failed", broker, reason: "refused" },
    "No connection to mqtts://chat.example:8883: refused.",
    ["terse", "normal", "debug"],
  ],
  [
    { type: "set aside", topic: "chat/a", reason: "gone", seconds: 4 },
    "chat/a is not read for now: gone. Trying again in 4 s.",
    ["terse", "normal", "debug"],
  ],
  [{ type: "step", text: "no connection" }, "Debug: no connection.", ["debug"]],
];

Deno.test("status: each verbosity shows its lines", () => {
  for (const [status, line, verbosities] of STATUSES) {
    for (const verbosity of ["quiet", "terse", "normal"] as const) {
      assertEquals(
        statusLine(status, verbosity),
        verbosities.includes(verbosity) ? line : undefined,
        `${status.type}, ${verbosity}`,
      );
    }
    if (verbosities.includes("debug")) {
      assertEquals(statusLine(status, "debug"), line);
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

Deno.test("status: --debug names the version", () => {
  assertEquals(
    statusLine(connected(false), "debug"),
    "Connected to mqtts://chat.example:8883, MQTT 3.1.1.",
  );
  assertEquals(
    statusLine(connected(true, 5), "debug"),
    "Connected again to mqtts://chat.example:8883, MQTT 5.",
  );
});

Deno.test("status: a hostile reason stays one harmless line", () => {
  const reason = "x\n\x1b[2J\u202e";
  assertEquals(
    statusLine({ type: "disconnected", broker, reason }, "normal"),
    "Disconnected from mqtts://chat.example:8883: " +
      "x ⏎ <U+001B>[2J<U+202E>.",
  );
});
