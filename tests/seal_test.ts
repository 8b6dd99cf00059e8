import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { hkdfSync, scryptSync } from "node:crypto";
import { MAX_PAYLOAD_BYTES, PayloadTooLargeError } from "../lib/protocol.ts";
import { RoomSeal } from "../lib/seal.ts";
import { pureTests, sizesAtClear } from "./support/pure.ts";

/** The most that can be sealed, as docs/sealed-rooms.md says. */
const MAX_SEALABLE_BYTES = 49_049;

const SECRET = "correct horse battery staple";
const TOPIC = "chat/room";
/** Longer than some HKDFs take. */
const LONG = "x".repeat(65_535);
const PAYLOAD = '{"type":"message","from":"Ada","message":"hi"}';

/** What can be known where the tag is not right. */
const REFUSED =
  "sealed with another secret, for another room, or changed since";

/** One for most tests: it takes a quarter of a second to make. */
const seal = new RoomSeal(SECRET);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const base64url = { alphabet: "base64url", omitPadding: true } as const;

/** What a sealed payload has in `sealed`. */
const sealedIn = (outer: string): string => JSON.parse(outer).sealed;

/** The bytes it stands for. */
const bytesOf = (sealed: string) => Uint8Array.fromBase64(sealed, base64url);

/** The payload inside; fails where it can't be had. */
function opened(result: Uint8Array | string): string {
  assert(typeof result !== "string", `${result}`);
  return decoder.decode(result);
}

const pure = pureTests("seal");

const SPECIFICATION = await Deno.readTextFile(
  new URL("../docs/sealed-rooms.md", import.meta.url),
);
const [, vectorsJson] = SPECIFICATION.match(/^```json\n(\[[^]*?\])\n```$/m)!;
const VECTORS: Record<string, string>[] = JSON.parse(vectorsJson);

const vectorSeals = VECTORS.map(({ secret, nonce }) =>
  new RoomSeal(secret, (bytes) => bytes.set(Uint8Array.fromHex(nonce)))
);

// Made with Python's cryptography, by its scrypt, and by HMAC in place of HKDF.
pure("the test vectors of the specification", () => {
  assertEquals(VECTORS.length, 2);
  // Whatever form of Unicode a secret has.
  assertMatch(VECTORS[1].secret, /e\u0301.*i\u0302/);
  for (const [index, vector] of VECTORS.entries()) {
    const { secret, scrypt, topic, key, payload, sealed } = vector;
    const seal = vectorSeals[index];
    assertEquals(
      seal.seal(topic, payload),
      '{"type":"notice","from":"sealed",' +
        '"notice":"A sealed message: --secret-file opens it.",' +
        `"sealed":"${sealed}"}`,
    );
    assertEquals(opened(seal.open(topic, sealed)), payload);
    // By the HKDF of node:crypto, which seal.ts does not use.
    const options = { N: 32768, r: 8, p: 3, maxmem: 2 ** 26 };
    const password = secret.normalize("NFC");
    const root = scryptSync(password, "mqtt-chat/1", 32, options);
    const derived = hkdfSync("sha256", root, "", topic, 32);
    assertEquals(root.toHex(), scrypt);
    assertEquals(new Uint8Array(derived).toHex(), key);
  }
});

pure("whatever is inside comes out", () => {
  for (const inner of ["", "no JSON", "Zoë 👋", "\0\n\u2028", PAYLOAD]) {
    for (const topic of [TOPIC, "a", "ü/☕", "$SYS", LONG]) {
      const sealed = sealedIn(seal.seal(topic, inner));
      assertEquals(opened(seal.open(topic, sealed)), inner);
    }
  }
});

pure("changed, cut, continued or on another topic, it says why not", () => {
  const sealed = sealedIn(seal.seal(TOPIC, PAYLOAD));
  const bytes = bytesOf(sealed);
  const open = (changed: Uint8Array, topic = TOPIC) =>
    seal.open(topic, changed.toBase64(base64url));
  for (const version of [0, 2, 255]) {
    const reason = `sealed in version ${version}, which is not known here`;
    const other = bytes.with(0, version);
    for (const length of [1, 28, bytes.length]) {
      assertEquals(open(other.subarray(0, length)), reason);
    }
  }
  // In the nonce, the text and the tag.
  for (const at of [1, 12, 13, bytes.length - 17, bytes.length - 1]) {
    assertEquals(open(bytes.with(at, bytes[at] ^ 1)), REFUSED, `${at}`);
  }
  for (let length = 0; length < bytes.length; length++) {
    const reason = length < 29 ? "sealed, cut short" : REFUSED;
    assertEquals(open(bytes.subarray(0, length)), reason, `${length} bytes`);
  }
  assertEquals(open(Uint8Array.of(...bytes, 0)), REFUSED);
  const others = ["chat/Room", "chat/room/", "chat.room", "chat", "", "\0"];
  for (const topic of [...others, `${TOPIC}\0`, `${TOPIC}\x01`]) {
    assertEquals(open(bytes, topic), REFUSED, topic);
  }
  assertEquals(new RoomSeal(`${SECRET} `).open(TOPIC, sealed), REFUSED);
  assertEquals(opened(open(bytes)), PAYLOAD);
});

pure("the same bytes have one spelling", () => {
  // 29 bytes leave two bits of the last character over.
  const sealed = sealedIn(seal.seal(TOPIC, ""));
  const last = sealed.charCodeAt(sealed.length - 1);
  const ends = [1, 256].map((more) => String.fromCharCode(last + more));
  const others = ends.map((end) => sealed.slice(0, -1) + end);
  others.push(` ${sealed}`, sealed.replace("A", "A\n"), "=", "A", "\ud800");
  others.push(...["=", "==", "\n", "!", "\0", "é"].map((end) => sealed + end));
  const { topic, sealed: vector } = VECTORS[1];
  others.push(vector.replaceAll("-", "+").replaceAll("_", "/"));
  for (const spelled of others) {
    assertEquals(seal.open(topic, spelled), "sealed, not base64url", spelled);
  }
});

pure("each payload has a nonce of its own, random or as it was filled", () => {
  let calls = 0;
  const counting = new RoomSeal(SECRET, (nonce) => {
    assertEquals([...nonce], Array(12).fill(0));
    nonce[4] = ++calls;
  });
  const nonceOf = (member: RoomSeal) =>
    bytesOf(sealedIn(member.seal(TOPIC, ""))).subarray(1, 13);
  const filled = [1, 2, 3].map(() => nonceOf(counting)[4]);
  assertEquals(filled, [1, 2, 3]);
  const random = [1, 2, 3].map(() => nonceOf(seal).toHex());
  assertEquals(new Set(random).size, 3);
});

pure("any number of topics, while few keys are remembered", () => {
  const cleared = (length: number) =>
    sizesAtClear(() => {
      for (let n = 0; n < 1500; n++) {
        const topic = `${n}`.padEnd(length, "x");
        const sealed = sealedIn(seal.seal(topic, topic));
        assertEquals(opened(seal.open(topic, sealed)), topic);
      }
    });
  assertEquals(new Set(cleared(256)), new Set([1024]));
  // A long topic's key is not remembered.
  assertEquals(cleared(257), []);
});

pure("sizes, to the byte", () => {
  for (let size = 0; size <= 100; size++) {
    const outer = seal.seal(TOPIC, "x".repeat(size));
    assertEquals(outer.length, 98 + Math.ceil(4 * (29 + size) / 3));
  }
  assertEquals(seal.sealable(65_536), MAX_SEALABLE_BYTES);
  const largest = "x".repeat(MAX_SEALABLE_BYTES);
  const outer = seal.seal(TOPIC, largest);
  assertEquals(encoder.encode(outer).length, MAX_PAYLOAD_BYTES);
  assertEquals(opened(seal.open(TOPIC, sealedIn(outer))), largest);
  for (const inner of [`${largest}x`, `${largest.slice(1)}é`]) {
    const error = assertThrows(
      () => seal.seal(TOPIC, inner),
      PayloadTooLargeError,
      "takes 65537 bytes with its envelope, the limit is 65536",
    );
    assertEquals(error.size, MAX_PAYLOAD_BYTES + 1);
  }
});

pure("neither the secret nor a key shows", () => {
  const [{ secret, scrypt, topic, key }] = VECTORS;
  const member = vectorSeals[0];
  const outer = member.seal(topic, "");
  const large = "x".repeat(MAX_SEALABLE_BYTES + 1);
  const errors = [
    assertThrows(() => member.seal(topic, large)),
    assertThrows(() => new RoomSeal(""), RangeError, "The secret is empty."),
  ];
  const shown = JSON.stringify([member, outer]) +
    Deno.inspect([member, errors], { showHidden: true, getters: true });
  for (const text of [secret, scrypt, key]) {
    const base64 = encoder.encode(text).toBase64();
    assert(!shown.includes(text.slice(0, 8)), shown);
    assert(!shown.includes(base64.slice(0, 8)), shown);
  }
  assert(!/Uint8Array|Buffer/.test(shown), shown);
});
