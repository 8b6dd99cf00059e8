import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  decode,
  encode,
  encodeText,
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
  roomOfWho,
  timeoutNotice,
  whoTopic,
} from "../lib/protocol.ts";
import { Random } from "./support/random.ts";

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

Deno.test("encode writes the fields that older readers know first", () => {
  const at = "2026-01-02T03:04:05.678Z";
  assertEquals(
    text(encode({ at, id: "x1", message: "hi", from: "a", type: "message" })),
    `{"type":"message","from":"a","message":"hi","id":"x1","at":"${at}"}`,
  );
  assertEquals(
    text(encode({ type: "notice", from: "a", notice: "User a timed out." })),
    '{"type":"notice","from":"a","notice":"User a timed out."}',
  );
});

Deno.test("what is encoded decodes to the same payload", () => {
  const payloads: Payload[] = [
    { type: "message", from: "alice", message: "" },
    { type: "message", from: 'é\u0000\n"\\', message: "👩‍🚀 \u2028\u001b[2J" },
    { type: "notice", from: "b", notice: "n", id: "1".repeat(MAX_ID_LENGTH) },
    { type: "notice", from: "b", notice: "", at: "2024-02-29T23:59:59Z" },
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
  const odd = decoded({
    type: "here",
    from: "a\ud800",
    id: 5,
    at: "now",
    key: 1,
  });
  assertEquals(odd, { type: "here", name: "a\ufffd" });
  assertEquals(reason({ type: "who", id }), "no author in `from`");
  assertEquals(reason({ type: "here", from: "" }), "no author in `from`");
});

Deno.test("each room has its topics of questions and answers", () => {
  const run = "Az0_-".repeat(4);
  for (const room of ["chat", "a/b", "/", "$x", "a/$who", `a/$who/${run}`]) {
    assertEquals(roomOfWho(whoTopic(room)), room);
    assertEquals(roomOfWho(whoTopic(room, run)), room);
  }
  assertEquals(whoTopic("chat/room", run), `chat/room/$who/${run}`);
  const others = [
    ...["chat", "$who", "/$who", `/$who/${run}`, "a$who", "a/$whox"],
    ...["a/$who/", "a/$who/short", `a/$who/${run}/x`, `a/$who/${run}.`],
    ...[`a/$who/${"x".repeat(65)}`, `a/$who/${run}\n`],
  ];
  for (const topic of others) assertEquals(roomOfWho(topic), undefined, topic);
});

Deno.test("encode and decode take lone surrogates for U+FFFD", () => {
  const lone = { from: "a\ud800", id: "\udc00" };
  const whole = { from: "a\ufffd", id: "\ufffd" };
  const cases: [Payload, Payload][] = [
    [
      { type: "message", message: "\udfffx", ...lone },
      { type: "message", message: "\ufffdx", ...whole },
    ],
    [
      { type: "notice", notice: "x\ud83d", ...lone },
      { type: "notice", notice: "x\ufffd", ...whole },
    ],
  ];
  for (const [sent, kept] of cases) {
    assertEquals(text(encode(sent)).match(/\\u/), null); // no escape of one
    assertEquals(decode(encode(sent)), kept);
    assertEquals(decoded(sent), kept); // as \ud800 escapes in the JSON
  }
});

Deno.test("encode takes the limit in bytes and refuses one more", () => {
  const envelope = encode({ type: "message", from: "a", message: "" }).length;
  const message = "é".repeat((MAX_PAYLOAD_BYTES - envelope) / 2);
  const rest = "x".repeat(MAX_PAYLOAD_BYTES - envelope - utf8(message).length);
  const full: Payload = { type: "message", from: "a", message: message + rest };
  assertEquals(encode(full).length, MAX_PAYLOAD_BYTES);
  const error = assertThrows(
    () => encode({ ...full, message: `${full.message}x` }),
    PayloadTooLargeError,
  );
  assertEquals(error.size, MAX_PAYLOAD_BYTES + 1);
  assertEquals(error.name, "PayloadTooLargeError");
  assertMatch(error.message, /65537 bytes .*65536/);
});

Deno.test("decode checks the size before anything else", () => {
  const bytes = new Uint8Array(MAX_PAYLOAD_BYTES + 1).fill(0xff);
  const result = decode(bytes);
  assertEquals(result, {
    type: "malformed",
    reason: "over the limit of 65536 bytes",
    bytes,
  });
  const padded = JSON.stringify(hello).padEnd(MAX_PAYLOAD_BYTES);
  assertEquals(decoded(padded).type, "message");
  assertEquals(decoded(`${padded} `).type, "malformed");
});

Deno.test("decode ignores fields it doesn't know", () => {
  const wire = `{"x":1,"__proto__":{"id":5},${JSON.stringify(hello).slice(1)}`;
  assertEquals(decoded(wire), hello as Payload);
  assertEquals(decoded({ ...hello, notice: 5 }), hello as Payload);
});

Deno.test("decode takes `info` for `notice`", () => {
  const notice = "User b is now subscribed to chat.";
  assertEquals(decoded({ type: "info", from: "b", notice }), {
    type: "notice",
    from: "b",
    notice,
  });
});

Deno.test("decode allows one byte order mark, no second", () => {
  const json = JSON.stringify(hello);
  assertEquals(decoded(`\ufeff${json}`), hello as Payload);
  assertEquals(reason(`\ufeff\ufeff${json}`), "not JSON");
});

Deno.test("decode tells a U+FFFD that was sent from bytes that are no UTF-8", () => {
  const sent: Payload = { type: "message", from: "\ufffd", message: "a\ufffd" };
  assertEquals(decode(encode(sent)), sent);
  assertEquals(decoded(`\ufeff${JSON.stringify(sent)}`), sent);
  const full = JSON.stringify(sent).padEnd(MAX_PAYLOAD_BYTES - 4);
  assertEquals(decoded(full), sent);
  for (const bad of [[0xff], [0xe2, 0x82], [0xed, 0xa0, 0x80]]) {
    const bytes = new Uint8Array([...utf8(JSON.stringify(sent)), ...bad]);
    assertEquals(decode(bytes), {
      type: "malformed",
      reason: "not UTF-8",
      bytes,
    });
  }
});

Deno.test("decode refuses the same bytes as a strict decoder", () => {
  const random = new Random(23);
  const strict = new TextDecoder("utf-8", { fatal: true });
  const texts = ["plain", "é€", "👋", "\ufffd", "\ufeff", "日本語 \u0080"];
  let refused = 0;
  for (let i = 0; i < 4_000; i++) {
    const [start, end] = ['{"type":"message","from":"a","message":"', '"}'];
    const middle = utf8(
      Array.from({ length: 3 }, () => random.one(texts)).join(""),
    );
    // Never an ASCII character, which JSON may refuse.
    middle[random.below(middle.length)] = 0x80 + random.below(0x80);
    const bytes = new Uint8Array([...utf8(start), ...middle, ...utf8(end)]);
    let expected: string | undefined;
    try {
      expected = strict.decode(bytes).slice(start.length, -end.length);
    } catch {
      refused++;
    }
    const result = decode(bytes);
    assertEquals("message" in result ? result.message : undefined, expected);
  }
  assert(refused > 1_000 && refused < 3_999, `${refused} were refused`);
});

Deno.test("decode lets the last of duplicate keys win", () => {
  const wire = '{"type":"notice","type":"message","from":1,"from":"a",' +
    '"message":"x","message":"y"}';
  assertEquals(decoded(wire), { type: "message", from: "a", message: "y" });
});

Deno.test("decode says what is wrong and keeps the bytes", () => {
  const cases: [unknown, string][] = [
    ["", "not JSON"],
    ["User alice timed out", "not JSON"],
    ["{'type': 'message'}", "not JSON"],
    [JSON.stringify(hello).slice(0, -1), "not JSON"],
    ["NaN", "not JSON"],
    ["[".repeat(MAX_PAYLOAD_BYTES), "not JSON"],
    ["5", "not a JSON object"],
    ["null", "not a JSON object"],
    ['"text"', "not a JSON object"],
    [[hello], "not a JSON object"],
    [{}, "no author in `from`"],
    [{ ...hello, from: "" }, "no author in `from`"],
    [{ ...hello, from: { toString: "x" } }, "no author in `from`"],
    [{ ...hello, from: ["alice"] }, "no author in `from`"],
    [{ type: "message", from: "a" }, "no text in `message`"],
    [{ ...hello, message: 5 }, "no text in `message`"],
    [{ ...hello, message: null }, "no text in `message`"],
    [{ ...hello, type: "notice" }, "no text in `notice`"],
    [{ ...hello, type: "info" }, "no text in `notice`"],
    ...["toString", "__proto__", "constructor", "Message", 1, null, ["message"]]
      .map((type): [unknown, string] => [
        { ...hello, type },
        "`type` is neither `message` nor `notice`",
      ]),
    [`{"__proto__":${JSON.stringify(hello)}}`, "no author in `from`"],
  ];
  for (const [wire, why] of cases) {
    assertEquals(reason(wire), why, String(wire));
  }
  for (
    const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]
  ) {
    const raw = new Uint8Array([0x22, ...bytes, 0x22]);
    const malformed = { type: "malformed", reason: "not UTF-8", bytes: raw };
    assertEquals(decode(raw), malformed as ReturnType<typeof decode>);
  }
});

Deno.test("decode takes no notice of an `id` that is not as ours", () => {
  for (const id of ["", "1".repeat(MAX_ID_LENGTH + 1), 1, null, {}, [true]]) {
    assertEquals(decoded({ ...hello, id }), hello as Payload, String(id));
  }
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

Deno.test("a decoder that refused bytes reads the next payload", () => {
  decode(new Uint8Array([0xe2, 0x82]));
  assertEquals(decoded(hello), hello as Payload);
});

Deno.test("the older program's will is plain text, and its notice", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const lost = "User Ada Lovelace timed out.";
  for (const text of [lost, `${lost}\n`]) {
    assertEquals(decode(bytes(text)), {
      type: "notice",
      from: "Ada Lovelace",
      notice: lost,
    });
  }
  for (const text of [`${lost} `, `${lost}\n\n`, `so ${lost}`, "User  ."]) {
    assertEquals(decode(bytes(text)).type, "malformed", text);
  }
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

const read = (notice: string, from: string) =>
  newNameIn({ type: "notice", from, notice });

Deno.test("notices: rename notices are read back, whatever the names", () => {
  const names = ["Ada", "x.", "a is now known as b.", "__proto__", "x\n", "😀"];
  for (const from of names) {
    for (const name of names) {
      assertEquals(read(renameNotice(from, name), from), name);
    }
  }
  assertEquals(
    renameNotice("Ada", "Ada2"),
    "User Ada is now known as Ada2.",
  );
});

Deno.test("notices: other texts are no rename notice", () => {
  const texts = [
    "User bob is now known as Ada.", // another's
    "User Ada is now known as .",
    "User Ada is now known as",
    "User Ada is now known as Ada2",
    "User Ada is now subscribed to chat.",
    " User Ada is now known as Ada2.",
    renameNotice("Ada", "x".repeat(257)),
  ];
  for (const text of texts) assertEquals(read(text, "Ada"), undefined, text);
});
