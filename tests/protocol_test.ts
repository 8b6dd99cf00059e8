import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  decode,
  encode,
  encodeText,
  historyTopic,
  joinNotice,
  leaveNotice,
  MAX_ID_LENGTH,
  MAX_PAYLOAD_BYTES,
  newNameIn,
  type Payload,
  PayloadTooLargeError,
  presenceOf,
  renameNotice,
  type RollCall,
  roomOfHistory,
  roomOfWho,
  timeoutNotice,
  whoTopic,
} from "../lib/protocol.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Decodes a JSON value, or a string as it is. */
function decoded(wire: unknown) {
  return decode(utf8(typeof wire === "string" ? wire : JSON.stringify(wire)));
}

/** The reason why a JSON value or a string is no chat payload. */
function reason(wire: unknown): string {
  const result = decoded(wire);
  return result.type === "malformed" ? result.reason : `a ${result.type}`;
}

const hello = { type: "message", from: "alice", message: "hello" };

Deno.test("encode writes what older readers know first, and decode reads all", () => {
  const at = "2026-01-02T03:04:05.678Z";
  const message = { at, id: "x1", message: "hi", from: "a", type: "message" };
  assertEquals(
    text(encode(message as Payload)),
    `{"type":"message","from":"a","message":"hi","id":"x1","at":"${at}"}`,
  );
  assertEquals(
    text(encode({ type: "notice", from: "a", notice: "User a timed out." })),
    '{"type":"notice","from":"a","notice":"User a timed out."}',
  );
  const payloads: Payload[] = [
    { type: "message", from: "alice", message: "" },
    { type: "message", from: 'é\u0000\n"\\', message: "👩‍🚀 \u2028\u001b[2J" },
    { type: "notice", from: "b", notice: "n", id: "1".repeat(MAX_ID_LENGTH) },
    { type: "notice", from: "b", notice: "", at: "2024-02-29T23:59:59Z" },
    { type: "notice", from: "b", notice: "", key: "k", sig: "s".repeat(128) },
  ];
  for (const payload of payloads) {
    assertEquals(decode(encode(payload)), payload);
  }
});

Deno.test("a question who is there and its answer are read as they are sent", () => {
  const id = "AAAAAAAAAAAAAAAA-1";
  const calls: RollCall[] = [
    { type: "who", name: "Ada", id, at: "2024-02-29T23:59:59Z" },
    { type: "here", name: 'é\n"', key: "k", sig: "s" },
  ];
  for (const call of calls) {
    const { name, ...rest } = call;
    const wire = JSON.parse(encodeText(call));
    assertEquals(wire, { ...rest, from: name });
    assertEquals(decoded({ ...wire, message: "x", more: 1 }), call);
  }
  const odd = { type: "here", from: "a\ud800", id: 5, at: "now", key: 1 };
  assertEquals(decoded(odd), { type: "here", name: "a\ufffd" });
});

Deno.test("each room has its topics of a history, questions and answers", () => {
  const run = "Az0_-".repeat(4);
  for (const room of ["chat", "a/b", "/", "$x", "a/$who", `a/$who/${run}`]) {
    assertEquals(roomOfHistory(historyTopic(room)), room);
    assertEquals(roomOfWho(whoTopic(room)), room);
    assertEquals(roomOfWho(whoTopic(room, run)), room);
  }
  assertEquals(whoTopic("chat/room", run), `chat/room/$who/${run}`);
  const others = [
    ...["chat", "$who", "/$who", `/$who/${run}`, "a$who", "a/$whox"],
    ...["a/$who/", "a/$who/short", `a/$who/${run}/x`, `a/$who/${run}.`],
    ...[`a/$who/${"x".repeat(65)}`, `a/$who/${run}\n`],
  ];
  for (const topic of [...others, "/$history", "a$history"]) {
    assertEquals(roomOfWho(topic) ?? roomOfHistory(topic), undefined, topic);
  }
});

Deno.test("encode and decode take lone surrogates for U+FFFD", () => {
  const lone = { from: "a\ud800", id: "\udc00" };
  const whole = { from: "a\ufffd", id: "\ufffd" };
  for (const [type, member] of [["message", "message"], ["notice", "notice"]]) {
    const sent = { type, [member]: "\udfffx\ud83d", ...lone };
    const kept = { type, [member]: "\ufffdx\ufffd", ...whole };
    const bytes = encode(sent as unknown as Payload);
    assertEquals(text(bytes).match(/\\u/), null); // no escape of one
    assertEquals<object>(decode(bytes), kept);
    assertEquals<object>(decoded(sent), kept); // as \ud800 escapes in the JSON
  }
});

Deno.test("encode and decode take the limit in bytes, and refuse one more", () => {
  const full: Payload = { type: "message", from: "a", message: "" };
  const room = MAX_PAYLOAD_BYTES - encode(full).length;
  full.message = "é".repeat(room >> 1).padEnd((room >> 1) + room % 2, "x");
  assertEquals(encode(full).length, MAX_PAYLOAD_BYTES);
  full.message += "x";
  const error = assertThrows(() => encode(full), PayloadTooLargeError);
  assertEquals(error.size, MAX_PAYLOAD_BYTES + 1);
  assertMatch(error.message, /65537 bytes .*65536/);
  // Decode checks the size before anything else.
  const bytes = new Uint8Array(MAX_PAYLOAD_BYTES + 1).fill(0xff);
  const over = "over the limit of 65536 bytes";
  assertEquals(decode(bytes), { type: "malformed", reason: over, bytes });
  const padded = JSON.stringify(hello).padEnd(MAX_PAYLOAD_BYTES);
  assertEquals(decoded(padded).type, "message");
  assertEquals(reason(`${padded} `), over);
});

Deno.test("decode ignores what it doesn't know, and members that are not ours", () => {
  const wire = `{"x":1,"__proto__":{"id":5},${JSON.stringify(hello).slice(1)}`;
  assertEquals(decoded(wire), hello as Payload);
  assertEquals(decoded({ ...hello, notice: 5 }), hello as Payload);
  for (const id of ["", "1".repeat(MAX_ID_LENGTH + 1), 1, null, {}, [true]]) {
    assertEquals(decoded({ ...hello, id }), hello as Payload, String(id));
  }
  for (const key of ["k".repeat(129), 5, "\ud800"]) {
    assertEquals(decoded({ ...hello, key, sig: key }), hello as Payload);
  }
  for (const more of [{}, { type: 1 }, { from: "" }, { message: "hi" }]) {
    const sealed = { type: "sealed", sealed: "AQ" } as const;
    assertEquals(decoded({ ...more, sealed: "AQ" }), sealed);
  }
  // A second name of notices in the older program's documentation.
  const notice = { type: "notice", from: "b", notice: "x" };
  assertEquals<object>(decoded({ ...notice, type: "info" }), notice);
});

Deno.test("decode tells a U+FFFD that was sent from bytes that are no UTF-8", () => {
  const sent: Payload = { type: "message", from: "\ufffd", message: "a\ufffd" };
  const json = JSON.stringify(sent);
  for (const bad of [[0xff], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
    const bytes = new Uint8Array([...utf8(json), ...bad]);
    const reason = "not UTF-8";
    assertEquals(decode(bytes), { type: "malformed", reason, bytes });
    // After bytes that were refused, too.
    assertEquals(decode(encode(sent)), sent);
  }
  // One byte order mark is allowed, no second.
  assertEquals(decoded(`\ufeff${json}`), sent);
  const plain = JSON.stringify(hello);
  assertEquals(decoded(`\ufeff${plain}`), hello as Payload);
  assertEquals(reason(`\ufeff\ufeff${plain}`), "not JSON");
  assertEquals(decoded(json.padEnd(MAX_PAYLOAD_BYTES - 4)), sent);
});

Deno.test("decode says what is wrong", () => {
  const cases: [reason: string, ...wires: unknown[]][] = [
    ["not JSON", "", "User alice timed out", "{'type': 'message'}", "NaN"],
    ["not JSON", JSON.stringify(hello).slice(0, -1)],
    ["not JSON", "[".repeat(MAX_PAYLOAD_BYTES)],
    ["not a JSON object", "5", "null", '"text"', [hello]],
    ["no author in `from`", {}, { ...hello, from: "" }, { type: "who" }],
    ["no author in `from`", { ...hello, from: { toString: "x" } }],
    ["no author in `from`", { ...hello, from: ["alice"] }],
    ["no author in `from`", { type: "here", from: "" }],
    ["no author in `from`", `{"__proto__":${JSON.stringify(hello)}}`],
    ["no text in `message`", { type: "message", from: "a" }],
    ["no text in `message`", { ...hello, message: 5 }],
    ["no text in `message`", { ...hello, message: null }],
    ["no text in `notice`", { ...hello, type: "notice" }],
    ["no text in `notice`", { ...hello, type: "info" }],
  ];
  for (const [why, ...wires] of cases) {
    for (const wire of wires) assertEquals(reason(wire), why, String(wire));
  }
  const types = ["toString", "__proto__", "constructor", "Message", 1, null];
  for (const type of [...types, ["message"]]) {
    const why = "`type` is neither `message` nor `notice`";
    assertEquals(reason({ ...hello, type }), why, String(type));
  }
  const isText = (wire: string) => "isText" in decoded(wire);
  assertEquals(["plain", "5", "{}"].map(isText), [true, true, false]);
});

Deno.test("decode takes no notice of an `at` but RFC 3339, in UTC, in the calendar", () => {
  const good = [
    ...["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678901234Z"],
    ...["2024-02-29T23:59:59.999Z", "0000-01-01T00:00:00Z"],
  ];
  const bad = [
    ...["", "now", "2026-01-02", "2026-01-02 03:04:05Z", 1767323045, null],
    ...["2026-01-02T03:04:05", "2026-01-02T03:04:05+01:00"],
    ...["2026-01-02t03:04:05z", "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z"],
    ...["2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-02T24:00:00Z"],
    ...["2026-01-02T03:60:00Z", "2026-01-02T03:04:05.Z"],
    ...["2026-01-02T03:04:05Z\n", "+002026-01-02T03:04:05Z"],
  ];
  for (const at of good) {
    assertEquals(decoded({ ...hello, at }), { ...hello, at } as Payload);
  }
  for (const at of bad) {
    assertEquals(decoded({ ...hello, at }), hello as Payload, String(at));
  }
});

Deno.test("the older program's will is plain text, and its notice", () => {
  const notice = "User Ada Lovelace timed out.";
  for (const wire of [notice, `${notice}\n`]) {
    const will = { type: "notice", from: "Ada Lovelace", notice } as const;
    assertEquals(decoded(wire), will);
  }
  const others = [`${notice} `, `${notice}\n\n`, `so ${notice}`, "User  ."];
  for (const wire of others) assertEquals(reason(wire), "not JSON", wire);
});

const IN = "User al is now subscribed to a.b/1.";
const OUT = "User al disconnecting from a.b/1.";
const LOST = "User al timed out.";

/** Notices of al, by what they say in the rooms a.b/1 and a/b.2. */
const NOTICES: [notice: string, inRoom?: string, elsewhere?: string][] = [
  [IN, "joined"],
  [OUT, "left"],
  [LOST, "timed out", "timed out"],
  // The older program's.
  ["User al is now subscribed to a.b/1 .", "joined"],
  ["User al disconnecting from a.b/1 .", "left"],
  ["User al timed out.\n", "timed out", "timed out"],
  // Brokers turn dots and slashes into each other.
  ["User al is now subscribed to a/b.1.", "joined"],
  ["User al is now subscribed to a.b/2.", undefined, "joined"],
  ...[`${IN} `, `${OUT} `, `${LOST} `].map((it): [string] => [it]),
  ["User al timed out"],
  [""],
];

Deno.test("notices: the standard notices are told from others", () => {
  assertEquals(joinNotice("al", "a.b/1"), IN);
  assertEquals(leaveNotice("al", "a.b/1"), OUT);
  assertEquals(timeoutNotice("al"), LOST);
  for (const [notice, inRoom, elsewhere] of NOTICES) {
    const change = (from: string, topic: string) =>
      presenceOf({ type: "notice", from, notice }, topic);
    assertEquals<unknown>(change("al", "a.b/1"), inRoom, notice);
    assertEquals<unknown>(change("al", "a/b.2"), elsewhere, notice);
    assertEquals(change("bob", "a.b/1"), undefined, notice);
  }
});

Deno.test("notices: only rename notices have a new name, whatever the names", () => {
  const read = (notice: string, from: string) =>
    newNameIn({ type: "notice", from, notice });
  const names = ["Ada", "x.", "a is now known as b.", "__proto__", "x\n", "😀"];
  for (const from of names) {
    for (const name of [...names, "x".repeat(256)]) {
      assertEquals(read(renameNotice(from, name), from), name);
    }
  }
  const texts = [
    ...["User bob is now known as Ada.", "User Ada is now subscribed to a."],
    ...["User Ada is now known as .", "User Ada is now known as"],
    ...["User Ada is now known as Ada2", " User Ada is now known as Ada2."],
    renameNotice("Ada", "x".repeat(257)),
  ];
  for (const text of texts) assertEquals(read(text, "Ada"), undefined, text);
});
