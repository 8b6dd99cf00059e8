import { assertEquals } from "@std/assert";
import {
  connectReason,
  disconnectText,
  reasonCodeOf,
  reasonText,
} from "../../lib/mqtt/reasons.ts";
import { pureTests } from "../support/pure.ts";

/** An error as MQTT.js or the system gives it. */
const error = (message: string, code?: number | string) =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

/** The remedy for a reason code in CONNACK. */
const remedyFor = (code: number) => connectReason(error("x", code)).remedy;

const test = pureTests("reasons");

test("CONNACK codes that ask for other credentials", () => {
  for (const code of [4, 5, 134, 135, 138, 140]) {
    assertEquals(remedyFor(code), "credentials", `${code}`);
  }
});

test("CONNACK codes that ask for the other version", () => {
  for (const code of [1, 132]) assertEquals(remedyFor(code), "version");
});

test("CONNACK codes that ask for another broker, or time", () => {
  for (const code of [3, 136, 137, 139, 151, 156, 159]) {
    assertEquals(remedyFor(code), "elsewhere", `${code}`);
  }
  assertEquals(remedyFor(157), "moved");
});

test("CONNACK codes that nothing helps against", () => {
  for (const code of [2, 128, 129, 130, 131, 133, 144, 149, 153, 154]) {
    assertEquals(remedyFor(code), "none", `${code}`);
  }
});

test("a QoS that is not supported may be the will's", () => {
  assertEquals(remedyFor(155), "will");
});

test("a close without a reason may be the version's", () => {
  assertEquals(connectReason(undefined), {
    text: "the broker closed the connection (no reason given)",
    remedy: "close",
  });
});

test("silence", () => {
  assertEquals(connectReason(error("connack timeout")), {
    text: "no answer in time",
    remedy: "silence",
  });
});

test("codes have MQTT's names", () => {
  const names: [number, string][] = [
    [5, "not authorized"],
    [135, "not authorized"],
    [142, "session taken over"],
    [144, "topic name invalid"],
    [149, "packet too large"],
    [151, "quota exceeded"],
    [0, "reason code 0"],
    [250, "reason code 250"],
  ];
  for (const [code, name] of names) assertEquals(reasonText(code), name);
});

test("codes are numbers; the system's are not", () => {
  assertEquals(reasonCodeOf(error("x", 135)), 135);
  assertEquals(reasonCodeOf(error("x", "ECONNRESET")), undefined);
  assertEquals(reasonCodeOf(error("x")), undefined);
});

test("the system's errors in words", () => {
  const known: [string, RegExp, string][] = [
    ["ECONNREFUSED", /^connection refused/, "elsewhere"],
    ["ENOTFOUND", /^no such host$/, "elsewhere"],
    ["ECONNRESET", /^it reset the connection/, "close"],
    ["ETIMEDOUT", /^no answer$/, "elsewhere"],
  ];
  for (const [code, text, remedy] of known) {
    const reason = connectReason(error("not this", code));
    assertEquals(reason.remedy, remedy);
    assertEquals(text.test(reason.text), true, reason.text);
  }
  assertEquals(connectReason(error("as it says", "EODD")).text, "as it says");
  assertEquals(connectReason(error("", "EODD")).text, "EODD");
  assertEquals(connectReason(error("")).text, "Error");
});

test("certificates are not tried again", () => {
  const theirs = error("x", "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  const ours = error("x", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED");
  const remedies = [theirs, ours].map((error) => connectReason(error).remedy);
  assertEquals(remedies, ["trust", "certificate"]);
});

test("something that doesn't speak MQTT", () => {
  const { text, remedy } = connectReason(error("Invalid header flag bits, …"));
  assertEquals([text, remedy], ["it does not speak MQTT there", "elsewhere"]);
});

test("a WebSocket that is being closed", () => {
  const { text } = connectReason(error("WebSocket is not open: readyState 2"));
  assertEquals(text, "the broker closed the WebSocket");
});

test("the broker's own words, and where it sends us", () => {
  assertEquals(reasonText(135), "not authorized");
  assertEquals(
    reasonText(156, { reasonString: "moving", serverReference: "b.example" }),
    "use another server (moving); it names b.example in its place",
  );
  const long = reasonText(151, { reasonString: "x".repeat(70_000) });
  assertEquals(long.length, "quota exceeded ()".length + 200);
});

test("a normal DISCONNECT is no reason code 0", () => {
  assertEquals(disconnectText(0), "it ended the connection in good order");
  assertEquals(disconnectText(0x8b), "server shutting down");
});

test("HTTP in place of a WebSocket: the status, and the usual path", () => {
  const answer = (status: number) =>
    connectReason(error(`Unexpected server response: ${status}`));
  assertEquals(answer(302), {
    text: "HTTP 302 in place of a WebSocket",
    remedy: "elsewhere",
  });
  const { text } = answer(404);
  assertEquals(text.startsWith("HTTP 404 in place of a WebSocket; "), true);
  assertEquals(text.includes("/mqtt"), true);
});
