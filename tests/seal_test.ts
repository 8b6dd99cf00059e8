import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { hkdfSync, scryptSync } from "node:crypto";
import { MAX_PAYLOAD_BYTES, PayloadTooLargeError } from "../lib/protocol.ts";
import { RoomSeal } from "../lib/seal.ts";
import { pureTests } from "./support/pure.ts";

/** The most that can be sealed, as docs/sealed-rooms.md says. */
const MAX_SEALABLE_BYTES = 49_049;

const SECRET = "correct horse battery staple";
const TOPIC = "chat/room";
const PAYLOAD = '{"type":"message","from":"Ada","message":"hi"}';

/** What can be known where the tag is not right. */
const REFUSED =
  "sealed with another secret, for another room, or changed since";

/** How nonces are filled, where a test doesn't say otherwise. */
const random = (nonce: Uint8Array) => {
  crypto.getRandomValues(nonce);
};
let fill = random;

/** One for all tests: it takes a quarter of a second to make. */
const seal = new RoomSeal(SECRET, (nonce) => fill(nonce));

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const DIGITS =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
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

pure("one more vector, its topic longer than some HKDFs take", () => {
  const topic = "a".repeat(1100);
  const payload = '{"type":"message","from":"Ada","message":"",' +
    '"id":"Yb0c-1","at":"2026-01-02T03:04:05.678Z"}';
  const sealed =
    "Af_______________z8FAsemaVZcmBrblXjs7DTIGMQGVrsP2Ll4nAfD8QT4lWre-bnGus3" +
    "ddsfjSAAu1sK8yEZMOXb0VI0zAn4toiPOH6su9zrzNgOOXlBzRUAcXT-WJmc4i4_KVHwHAS" +
    "vOcb93dT9KdbmocaY";
  fill = (nonce) => nonce.fill(0xff);
  assertEquals(sealedIn(seal.seal(topic, payload)), sealed);
  fill = random;
  assertEquals(opened(seal.open(topic, sealed)), payload);
});

pure("whatever is inside comes out", () => {
  for (const inner of ["", "{}", "no JSON", "Zoë 👋", "\0\n\u2028", PAYLOAD]) {
    for (const topic of [TOPIC, "a", "ü/☕", "$SYS", "x".repeat(65_535)]) {
      const sealed = sealedIn(seal.seal(topic, inner));
      assertEquals(opened(seal.open(topic, sealed)), inner);
    }
  }
});

pure("every bit of what is sealed counts", () => {
  const bytes = bytesOf(sealedIn(seal.seal(TOPIC, PAYLOAD)));
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const changed = bytes.with(bit >> 3, bytes[bit >> 3] ^ (1 << (bit & 7)));
    const reason = bit < 8
      ? `sealed in version ${changed[0]}, which is not known here`
      : REFUSED;
    assertEquals(seal.open(TOPIC, changed.toBase64(base64url)), reason);
  }
});

pure("cut or continued, it is refused", () => {
  const sealed = sealedIn(seal.seal(TOPIC, PAYLOAD));
  const bytes = bytesOf(sealed);
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytes.subarray(0, length).toBase64(base64url);
    const reason = length < 29 ? "sealed, cut short" : REFUSED;
    assertEquals(seal.open(TOPIC, cut), reason, `${length} bytes`);
  }
  for (let length = 0; length < sealed.length; length++) {
    const result = seal.open(TOPIC, sealed.slice(0, length));
    assertEquals(typeof result, "string", `${length} characters`);
  }
  const longer = Uint8Array.of(...bytes, 0).toBase64(base64url);
  assertEquals(seal.open(TOPIC, longer), REFUSED);
});

pure("on another topic, or with another secret, it does not open", () => {
  const sealed = sealedIn(seal.seal(TOPIC, PAYLOAD));
  const others = ["chat/Room", "chat/room/", "chat.room", "chat", "", "\0"];
  for (const topic of [...others, `${TOPIC}\0`, `${TOPIC}\x01`]) {
    assertEquals(seal.open(topic, sealed), REFUSED, topic);
  }
  const another = new RoomSeal(`${SECRET} `);
  assertEquals(another.open(TOPIC, sealed), REFUSED);
  assertEquals(opened(seal.open(TOPIC, sealed)), PAYLOAD);
});

pure("an unknown version is told, whatever follows", () => {
  const bytes = bytesOf(sealedIn(seal.seal(TOPIC, PAYLOAD)));
  for (const version of [0, 2, 255]) {
    for (const length of [1, 28, bytes.length]) {
      const other = bytes.with(0, version).subarray(0, length);
      assertEquals(
        seal.open(TOPIC, other.toBase64(base64url)),
        `sealed in version ${version}, which is not known here`,
      );
    }
  }
});

pure("the same bytes have one spelling", () => {
  // 29 bytes leave two bits of the last character over.
  const sealed = sealedIn(seal.seal(TOPIC, ""));
  const last = sealed.at(-1)!;
  const next = DIGITS[DIGITS.indexOf(last) + 1];
  assertEquals(bytesOf(sealed), bytesOf(sealed.slice(0, -1) + next));
  const beyond = String.fromCharCode(256 + last.charCodeAt(0));
  const others = [sealed.slice(0, -1) + next, sealed.slice(0, -1) + beyond];
  others.push(` ${sealed}`, sealed.replace("A", "A\n"), "=", "A", "\ud800");
  for (const end of ["=", "==", "\n", "!", "\0", "é"]) {
    others.push(sealed + end);
  }
  for (const spelled of others) {
    assertEquals(seal.open(TOPIC, spelled), "sealed, not base64url", spelled);
  }
  const [, vector] = VECTORS;
  const standard = vector.sealed.replaceAll("-", "+").replaceAll("_", "/");
  assertEquals(bytesOf(vector.sealed), Uint8Array.fromBase64(standard + "="));
  assertEquals(seal.open(vector.topic, standard), "sealed, not base64url");
});

pure("each payload has a nonce of its own, as it was filled", () => {
  let calls = 0;
  fill = (nonce) => {
    assertEquals([...nonce], Array(12).fill(0));
    new DataView(nonce.buffer).setUint32(4, ++calls);
  };
  for (let count = 1; count <= 100; count++) {
    const bytes = bytesOf(sealedIn(seal.seal(TOPIC, "")));
    assertEquals(new DataView(bytes.buffer).getUint32(1 + 4), count);
  }
  fill = random;
});

pure("any number of topics, while few keys are remembered", () => {
  const topics = Array.from({ length: 1500 }, (_, index) => `chat/${index}`);
  const sealed = topics.map((topic) => sealedIn(seal.seal(topic, topic)));
  const sizes = sizesOfMaps(() => {
    for (const [index, topic] of topics.entries()) {
      assertEquals(opened(seal.open(topic, sealed[index])), topic);
    }
  });
  assertEquals(Math.max(...sizes), 1024);
  const long = (length: number) =>
    sizesOfMaps(() => seal.open("x".repeat(length), sealed[0])).length;
  assertEquals([256, 256, 257, 257].map(long), [1, 0, 0, 0]);
});

/** How many keys a map had after each that was put into it meanwhile. */
function sizesOfMaps(happen: () => void): number[] {
  const { set } = Map.prototype;
  const sizes: number[] = [];
  Map.prototype.set = function (key, value) {
    set.call(this, key, value);
    if (value instanceof Uint8Array && value.length === 32) {
      sizes.push(this.size);
    }
    return this;
  };
  try {
    happen();
  } finally {
    Map.prototype.set = set;
  }
  return sizes;
}

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
  const [{ secret, scrypt, topic, key, payload }] = VECTORS;
  const member = vectorSeals[0];
  const outer = member.seal(topic, payload);
  const shown = [
    Deno.inspect(member, { showHidden: true, depth: 9, getters: true }),
    JSON.stringify(member),
    String(member),
    JSON.stringify(Object.getOwnPropertyDescriptors(member)),
    `${member.open("another", sealedIn(outer))}`,
    messageOf(() => member.seal(topic, "x".repeat(MAX_SEALABLE_BYTES + 1))),
    messageOf(() => new RoomSeal("")),
    outer,
  ];
  const hidden = [secret, scrypt, key].flatMap((text) => [
    text,
    text.slice(0, 8),
    encoder.encode(text).toBase64().slice(0, 8),
  ]);
  for (const text of shown) {
    for (const part of hidden) assert(!text.includes(part), text);
    assert(!/Uint8Array|Buffer/.test(text), text);
  }
});

/** What an error says, in full. */
function messageOf(fail: () => unknown): string {
  return Deno.inspect(assertThrows(fail));
}

pure("an empty secret is none", () => {
  assertThrows(() => new RoomSeal(""), RangeError, "The secret is empty.");
});
