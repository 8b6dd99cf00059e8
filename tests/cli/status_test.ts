import { assertEquals } from "@std/assert";
import { parseBroker } from "../../lib/mqtt/address.ts";
import type { Status } from "../../lib/client.ts";
import { statusLine, type Verbosity } from "../../lib/cli/status.ts";

// No line has the password, or what may be a token.
const broker = parseBroker("wss://ann:secret@chat.example/mqtt?token=secret");
const B = "wss://chat.example:443/mqtt";
const connected = { type: "connected", broker, sessionPresent: false } as const;

const STATUSES: Status[] = [
  { ...connected, version: 4 },
  { ...connected, version: 5, gap: 2 },
  { ...connected, version: 4, gap: 2, isRenewed: true },
  { type: "subscribed", topic: "chat/room", qos: 2 },
  { type: "denied", topic: "secret/#", reason: "not authorized" },
  { type: "lowered", broker, qos: 0 },
  { type: "not kept", broker },
  { type: "maybe shared", broker, clientId: "ann 1" },
  { type: "disconnected", broker, reason: "server shutting down" },
  { type: "reconnecting", broker, seconds: 0.8421 },
  { type: "failed", broker, reason: "refused" },
  { type: "set aside", topic: "chat/a", reason: "gone", seconds: 4 },
  { type: "step", text: "no connection" },
  // A hostile reason stays one harmless line.
  { type: "disconnected", broker, reason: "x\n\x1b[2J\u202e" },
];

/** The least verbosity that shows each of them, and its line. */
const LINES: [Verbosity, string][] = [
  ["normal", `Connected to ${B}.`],
  ["terse", `Connected again to ${B}.`],
  ["debug", `Connected again to ${B}.`],
  ["normal", "Reading chat/room at QoS 2."],
  ["quiet", "The broker does not let you read secret/#: not authorized."],
  ["quiet", `${B} takes QoS 0 at most; messages are sent with that.`],
  [
    "quiet",
    `${B} keeps no session: you miss messages while you are away.`,
  ],
  [
    "quiet",
    `${B} closed several connections and gave no reason. Another client may ` +
    'use the id "ann 1"; or something in between closes connections, or the ' +
    "broker rejects what is sent.",
  ],
  ["terse", `Disconnected from ${B}: server shutting down.`],
  ["terse", "Trying chat.example:443 in 0.8 s."],
  ["terse", `No connection to ${B}: refused.`],
  ["terse", "chat/a is not read for now: gone. Trying again in 4 s."],
  ["debug", "Debug: no connection."],
  ["terse", `Disconnected from ${B}: x ⏎ <U+001B>[2J<U+202E>.`],
];

Deno.test("status: each verbosity shows its lines, --debug the version", () => {
  const verbosities: Verbosity[] = ["quiet", "terse", "normal", "debug"];
  for (const [index, verbosity] of verbosities.entries()) {
    for (const [row, status] of STATUSES.entries()) {
      const [least, line] = LINES[row];
      const version = "version" in status && verbosity === "debug"
        ? `, MQTT ${status.version === 5 ? "5" : "3.1.1"}.`
        : ".";
      const isShown = index >= verbosities.indexOf(least);
      const expected = isShown ? line.replace(/\.$/, version) : undefined;
      assertEquals(statusLine(status, verbosity), expected);
    }
  }
});
