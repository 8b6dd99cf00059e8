import { assert, assertEquals } from "@std/assert";
import {
  connectReason,
  disconnectText,
  reasonCodeOf,
  reasonText,
  type Remedy,
} from "../../lib/mqtt/reasons.ts";
import { pureTests } from "../support/pure.ts";

/** An error as MQTT.js or the system gives it. */
const error = (message: string, code?: number | string) =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

const test = pureTests("reasons");

test("each reason code of CONNACK has its remedy", () => {
  const codes = {
    credentials: [4, 5, 134, 135, 138, 140],
    version: [1, 132],
    will: [155],
    moved: [157],
    elsewhere: [3, 136, 137, 139, 151, 156, 159],
    none: [2, 128, 129, 130, 131, 133, 144, 149, 153, 154],
  };
  for (const [remedy, all] of Object.entries(codes)) {
    for (const code of all) {
      assertEquals(connectReason(error("x", code)).remedy, remedy, `${code}`);
    }
  }
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

test("codes have MQTT's names; the system's are no codes", () => {
  const names: [number, string][] = [
    [5, "not authorized"],
    [135, "not authorized"],
    [142, "session taken over"],
    [144, "topic name invalid"],
    [149, "packet too large"],
    [0, "reason code 0"],
    [250, "reason code 250"],
  ];
  for (const [code, name] of names) assertEquals(reasonText(code), name);
  const codes = [135, "ECONNRESET", undefined];
  const read = codes.map((code) => reasonCodeOf(error("x", code)));
  assertEquals(read, [135, undefined, undefined]);
});

test("the broker's own words, and where it sends us", () => {
  assertEquals(disconnectText(0), "it ended the connection in good order");
  assertEquals(
    reasonText(156, { reasonString: "moving", serverReference: "b.example" }),
    "use another server (moving); it names b.example in its place",
  );
  const long = "z".repeat(70_000);
  const said = reasonText(151, { reasonString: long, serverReference: long });
  assertEquals(said.replaceAll("z", "").length, said.length - 2 * 200);
});
