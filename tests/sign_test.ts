import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import type { Payload } from "../lib/protocol.ts";
import { fingerprint, isPublicKey, isSigned, Signer } from "../lib/sign.ts";

/** Whether a key and a signature fit a payload. */
const isSignedBy = (
  topic: string,
  payload: Payload,
  key: string,
  sig: string,
) => isSigned(topic, { ...payload, key, sig });

const TOPIC = "chat/room";
const HELLO: Payload = {
  type: "message",
  from: "Ada",
  message: "Hello",
  id: "AAAAAAAAAAAAAAAA-1",
  at: "2026-11-22T14:31:15.204Z",
};

// RFC 8032, 7.1, test 1.
const PEM = [
  "-----BEGIN PRIVATE KEY-----",
  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g",
  "-----END PRIVATE KEY-----",
].join("\n");
const KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

Deno.test("sign: a signature is valid for its payload, topic and key only", () => {
  const ada = Signer.fromPem(PEM);
  const eve = Signer.generate();
  const signature = ada.sign(TOPIC, HELLO);
  assertEquals(ada.key, KEY);
  assertEquals(signature.length, 86);
  assert(isSignedBy(TOPIC, HELLO, KEY, signature));
  const others: [string, Payload, string][] = [
    ["chat/other", HELLO, KEY],
    [TOPIC, { ...HELLO, from: "Bob" }, KEY],
    [TOPIC, { ...HELLO, message: "Hello!" }, KEY],
    [TOPIC, { ...HELLO, id: "AAAAAAAAAAAAAAAA-2" }, KEY],
    [TOPIC, { ...HELLO, at: "2026-11-22T14:31:15.205Z" }, KEY],
    [TOPIC, { ...HELLO, at: undefined }, KEY],
    [TOPIC, { ...HELLO, type: "notice", notice: "Hello" } as Payload, KEY],
    // The same bytes with another border between two members.
    [TOPIC, { ...HELLO, from: "AdaH", message: "ello" }, KEY],
    [TOPIC, HELLO, eve.key],
  ];
  for (const [topic, payload, key] of others) {
    assert(
      !isSignedBy(topic, payload, key, signature),
      JSON.stringify(payload),
    );
  }
});

Deno.test("sign: brokers may turn dots of the topic into slashes", () => {
  const ada = Signer.generate();
  const signature = ada.sign("team.red/x", HELLO);
  assert(isSignedBy("team/red/x", HELLO, ada.key, signature));
});

Deno.test("sign: a flipped bit at any position is noticed", () => {
  const ada = Signer.generate();
  const signature = ada.sign(TOPIC, HELLO);
  const flip = (text: string, bit: number) => {
    const bytes = Buffer.from(text, "base64url");
    bytes[bit >> 3] ^= 1 << (bit & 7);
    return bytes.toString("base64url");
  };
  for (let bit = 0; bit < 512; bit++) {
    assert(!isSignedBy(TOPIC, HELLO, ada.key, flip(signature, bit)), `${bit}`);
  }
  for (let bit = 0; bit < 256; bit++) {
    assert(!isSignedBy(TOPIC, HELLO, flip(ada.key, bit), signature), `${bit}`);
  }
});

Deno.test("sign: a key and a signature have one spelling each", () => {
  const ada = Signer.generate();
  const signature = ada.sign(TOPIC, HELLO);
  const alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const respell = (text: string) =>
    Array.from(alphabet, (char) => text.slice(0, -1) + char)
      .concat(`${text}=`, ` ${text}`, `${text}A`, text.slice(1), "");
  const keys = respell(ada.key).filter(isPublicKey);
  // Of the 64 last characters 16 end other keys.
  assertEquals(keys.length <= 16, true);
  for (const key of respell(ada.key)) {
    assertEquals(isSignedBy(TOPIC, HELLO, key, signature), key === ada.key);
  }
  for (const other of respell(signature)) {
    assertEquals(isSignedBy(TOPIC, HELLO, ada.key, other), other === signature);
  }
  const plus = Buffer.from("+/", "ascii").toString();
  assert(!isPublicKey(KEY.replace("_", plus[1])), "base64 is not base64url");
});

Deno.test("sign: points of small order are no keys", () => {
  const points = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ];
  // The signature R = identity, S = 0 fits any payload under such a key.
  const forged = Buffer.alloc(64);
  forged[0] = 1;
  for (const point of points) {
    const key = Buffer.from(point, "hex").toString("base64url");
    assert(!isPublicKey(key), point);
    assert(!isSignedBy(TOPIC, HELLO, key, forged.toString("base64url")), point);
  }
});

Deno.test("sign: only an Ed25519 key signs", () => {
  const rsa = generateKeyPairSync("x25519").privateKey
    .export({ type: "pkcs8", format: "pem" });
  for (const pem of ["", "-----BEGIN PRIVATE KEY-----", String(rsa)]) {
    assertThrows(() => Signer.fromPem(pem));
  }
});

Deno.test("sign: a fingerprint is 32 bits of the key's hash", () => {
  assertEquals(fingerprint(KEY), "21FE 31DF");
});

Deno.test("sign: text of any kind can be signed and verified", () => {
  const ada = Signer.generate();
  for (const message of ["", "⏎\n\0", "👩‍👩‍👧", "\u0301", "x".repeat(60_000)]) {
    const payload: Payload = { type: "message", from: "Ada", message };
    assert(isSignedBy("", payload, ada.key, ada.sign("", payload)), message);
  }
});
