import { assert, assertEquals } from "@std/assert";
import { decode, encode, MAX_PAYLOAD_BYTES } from "../../lib/protocol.ts";
import { renderJson } from "../../lib/room/json.ts";
import { safeText } from "../../lib/safe_text.ts";
import {
  assertHarmless,
  message,
  notice,
  received,
  utf8,
} from "../support/line_fixtures.ts";
import { Random } from "../support/random.ts";

/** Makes payloads that a malicious or broken program could publish. */
function hostilePayloads(random: Random): (() => Uint8Array)[] {
  const int = (below: number) => random.below(below);
  const pick = <T>(items: T[]) => random.one(items);
  const code = () =>
    String.fromCodePoint(
      pick([
        int(0x20),
        int(0x100),
        0x2000 + int(0x70),
        int(0x10000),
        int(0x110000),
      ]),
    );
  const string = () => Array.from({ length: int(30) }, code).join("");
  const value = (): unknown =>
    pick([string(), string(), string(), int(9), null, [], {}, true]);
  const type = () =>
    pick(["message", "notice", "info", "toString", "__proto__", value()]);
  const fields = () => {
    const keys = ["type", "from", "message", "notice", "id", "at", "__proto__"];
    return keys.filter(() => random.chance(0.9)).map((key) =>
      `${JSON.stringify(key)}:${
        JSON.stringify(key === "type" ? type() : value())
      }`
    );
  };
  const valid = () => encode(pick([message, notice])(string(), `a${string()}`));
  const bytes = (length: number) => Uint8Array.from({ length }, () => int(256));
  return [
    valid,
    valid,
    () => bytes(int(300)),
    () => {
      const mutated = valid();
      for (let i = int(4); i >= 0; i--) mutated[int(mutated.length)] = int(256);
      return mutated;
    },
    () => valid().subarray(0, int(100)),
    () => utf8(`{${fields().join()}}`),
    () => utf8(`{${[...fields(), ...fields()].join()}}`), // duplicate keys
    () => utf8(`\ufeff${pick(["", "\ufeff"])}{${fields().join()}}`),
    () =>
      utf8(pick(["[", '{"a":', '{"type":['].map((s) => s.repeat(int(5000))))),
    () =>
      utf8(
        `{"type":"message","from":"\\ud800","message":"\\u${
          pick(["d83d", "dc00", "001b", "202e", "0000", "ffff"])
        }"}`,
      ),
  ];
}

Deno.test("4,000 random payloads: no crash, one harmless line each", () => {
  const makers = hostilePayloads(new Random(20260102));
  const seen = { message: 0, notice: 0, malformed: 0 };
  for (let i = 0; i < 4_000; i++) {
    const bytes = makers[i % makers.length]();
    const payload = decode(bytes);
    assert("from" in payload || payload.type === "malformed");
    seen[payload.type]++;
    const what = received(
      payload,
      new TextDecoder().decode(bytes.slice(0, 40)),
    );
    assertHarmless(what);
    if (payload.type === "malformed") {
      const kept = JSON.parse(renderJson(what)).bytes;
      assertEquals(kept, bytes.toBase64());
    } else {
      const text = payload.type === "message"
        ? payload.message
        : payload.notice;
      assertEquals(JSON.parse(renderJson(what)).text, text);
      assertEquals(safeText(safeText(text)), safeText(text));
    }
  }
  for (const count of Object.values(seen)) {
    assert(count > 200, JSON.stringify(seen));
  }
});

Deno.test("payloads about the limit: no crash, one harmless line each", () => {
  const envelope = encode(message("")).length;
  for (
    const char of [
      "a",
      "\x7f",
      "é",
      "\u0301",
      "\u200d",
      "\u202e",
      "😀",
      "\ufeff",
    ]
  ) {
    const room = MAX_PAYLOAD_BYTES - envelope;
    const text = char.repeat(Math.floor(room / utf8(char).length));
    const json = new TextDecoder().decode(encode(message(text)));
    for (const size of [-1, 0, 1].map((d) => MAX_PAYLOAD_BYTES + d)) {
      const payload = decode(
        utf8(json.padEnd(size + json.length - utf8(json).length)),
      );
      const fits = size <= MAX_PAYLOAD_BYTES;
      assertEquals(payload.type, fits ? "message" : "malformed");
      assertHarmless(received(payload));
      assertHarmless(received(decode(utf8(text))));
    }
    assertHarmless(received(message("", text), text));
  }
});
