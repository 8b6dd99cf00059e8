/** Why an attempt to connect fails, and which is the next one. */

import { assert, assertEquals } from "@std/assert";
import { parseBroker } from "../../lib/mqtt/address.ts";
import { Attempts } from "../../lib/mqtt/attempts.ts";
import {
  connectReason,
  disconnectText,
  reasonCodeOf,
  reasonText,
  type Remedy,
} from "../../lib/mqtt/reasons.ts";
import { pureTests } from "../support/pure.ts";

const BROKERS = ["a", "b", "c"].map((host) => parseBroker(host));

/** Waits after failures, in seconds and without jitter. */
const waits = (attempts: Attempts, count: number, remedy: Remedy) =>
  Array.from({ length: count }, () => attempts.retryAfter(remedy, 0) / 1000);

const test = pureTests("attempts");

test("waits double from 1 s to 120 s with each round over all brokers", () => {
  const attempts = new Attempts(BROKERS.slice(0, 1), 5);
  const all = [1, 2, 4, 8, 16, 32, 64, 120, 120];
  assertEquals(waits(attempts, 9, "elsewhere"), all);
  const rounds = waits(new Attempts(BROKERS, 5), 7, "elsewhere");
  assertEquals(rounds, [1, 1, 1, 2, 2, 2, 4]);
  // Jitter takes up to a quarter off, in whole milliseconds.
  const wait = (random: number) =>
    new Attempts(BROKERS, 5).retryAfter("elsewhere", random);
  assertEquals([0, 1 / 3, 0.5, 1].map(wait), [1_000, 917, 875, 750]);
});

test("after a refusal, waits begin with 32 s", () => {
  for (const remedy of ["credentials", "trust", "certificate"] as const) {
    const attempts = new Attempts(BROKERS.slice(0, 1), 5);
    assertEquals(waits(attempts, 4, remedy), [32, 64, 120, 120]);
    // After a connection, a lesser failure is only that.
    attempts.lost(Infinity, false);
    assertEquals(waits(attempts, 2, "elsewhere"), [1, 2]);
    // The other brokers are not kept waiting.
    const several = new Attempts(BROKERS, 5);
    assertEquals(waits(several, 4, remedy), [1, 1, 32, 64]);
  }
});

test("a round begins with the broker that accepted", () => {
  const attempts = new Attempts(BROKERS, 5);
  assertEquals(waits(attempts, 2, "elsewhere"), [1, 1]);
  attempts.accepted();
  assertEquals(waits(attempts, 5, "elsewhere"), [1, 1, 1, 2, 2]);
  assertEquals(attempts.broker, BROKERS[1]);
});

test("the waits begin anew after progress, or a connection of two waits", () => {
  for (const [stood, hasProgressed] of [[4_000, false], [0, true]] as const) {
    const attempts = new Attempts(BROKERS.slice(0, 1), 5);
    waits(attempts, 1, "elsewhere");
    attempts.lost(1_999, false);
    assertEquals(waits(attempts, 1, "elsewhere"), [2]);
    attempts.lost(3_999, false);
    assertEquals(waits(attempts, 1, "elsewhere"), [4]);
    attempts.lost(stood * 2, hasProgressed);
    assertEquals(waits(attempts, 2, "elsewhere"), [1, 2]);
  }
});

/** An error as MQTT.js or the system gives it. */
const error = (message: string, code?: number | string) =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

test("each reason code of CONNACK has its remedy", () => {
  const codes = Array.from({ length: 256 }, (_, code) => code);
  const { none: _, ...remedies } = Object.groupBy(
    codes,
    (code) => connectReason(error("x", code)).remedy,
  );
  assertEquals(remedies, {
    ...{ credentials: [4, 5, 134, 135, 138, 140], version: [1, 132] },
    ...{ will: [155], moved: [157] },
    elsewhere: [3, 136, 137, 139, 151, 156, 159],
  });
});

/** An error's message and code, its words, and the remedy. */
const ERRORS: [string, string | undefined, RegExp, Remedy][] = [
  ["connack timeout", undefined, /^no answer in time$/, "silence"],
  ["x", "ECONNREFUSED", /^connection refused, nothing/, "elsewhere"],
  ["x", "ENOTFOUND", /^no such host$/, "elsewhere"],
  ["x EPERM a", "EPERM", /^not permitted, .*-N=HOST:PORT or/, "elsewhere"],
  ["x", "ETIMEDOUT", /^no answer$/, "elsewhere"],
  // As a close without CONNACK, it may be over the version.
  ["x", "ECONNRESET", /^it reset the connection$/, "close"],
  ["as it says", "EODD", /^as it says$/, "elsewhere"],
  ["", "EODD", /^EODD$/, "elsewhere"],
  ["", undefined, /^Error$/, "elsewhere"],
  ["x", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", /verified/, "trust"],
  ["x", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", /--cert/, "certificate"],
  ["Invalid header flag bits, …", undefined, /not speak MQTT/, "elsewhere"],
  ["WebSocket is not open: 2", undefined, /closed the WebS/, "elsewhere"],
  ["Unexpected server response: 302", undefined, /^HTTP 302 .*t$/, "elsewhere"],
  ["Unexpected server response: 404", undefined, /^HTTP 404 .*; /, "elsewhere"],
];

test("errors in words, and their remedies", () => {
  for (const [message, code, words, expected] of ERRORS) {
    const { text, remedy } = connectReason(error(message, code));
    assert(words.test(text), text);
    assertEquals(remedy, expected, text);
  }
  assertEquals(connectReason(undefined), {
    text: "the broker closed the connection (no reason given)",
    remedy: "close",
  });
});

test("codes have MQTT's names, and the broker's own words", () => {
  const names = [5, 135, 0, 250].map((code) => reasonText(code));
  const none = ["reason code 0", "reason code 250"];
  assertEquals(names, ["not authorized", "not authorized", ...none]);
  const codes = [135, "ECONNRESET", undefined];
  const read = codes.map((code) => reasonCodeOf(error("x", code)));
  assertEquals(read, [135, undefined, undefined]);
  assertEquals(disconnectText(0), "it ended the connection in good order");
  assertEquals(
    reasonText(156, { reasonString: "moving", serverReference: "b.example" }),
    "use another server (moving); it names b.example in its place",
  );
  const long = "z".repeat(70_000);
  const said = reasonText(151, { reasonString: long, serverReference: long });
  assertEquals(said.replaceAll("z", "").length, said.length - 2 * 200);
});
