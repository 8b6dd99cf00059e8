import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import type { Payload } from "../lib/protocol.ts";
import { fingerprint, isPublicKey, isSigned, Signer } from "../lib/sign.ts";
import { sizesAtClear } from "./support/pure.ts";

const TOPIC = "chat/room";
const HELLO: Payload = {
  ...{ type: "message", from: "Ada", message: "Hello" },
  ...{ id: "AAAAAAAAAAAAAAAA-1", at: "2026-11-22T14:31:15.204Z" },
};

/** Whether a key and a signature fit a payload. */
const isHello = (
  key: string,
  sig: string,
  topic = TOPIC,
  payload: Payload = HELLO,
) => isSigned(topic, { ...payload, key, sig });

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
  assert(isHello(KEY, signature));
  assert(!isHello(eve.key, signature));
  assert(!isHello(KEY, signature, "chat/other"));
  const others: Partial<Payload>[] = [
    ...[{ from: "Bob" }, { message: "Hello!" }, { id: "AAAAAAAAAAAAAAAA-2" }],
    ...[{ at: "2026-11-22T14:31:15.205Z" }, { at: undefined }],
    { type: "notice", notice: "Hello" } as object,
    // The same bytes with another border between two members.
    { from: "AdaH", message: "ello" },
  ];
  for (const changes of others) {
    const payload = { ...HELLO, ...changes } as Payload;
    assert(!isHello(KEY, signature, TOPIC, payload), JSON.stringify(changes));
  }
  const [zeros, HI] = ["\0\0\0\0", { type: "message" } as const];
  const text = eve.sign(TOPIC, { ...HI, from: "a", message: `b${zeros}c` });
  const shifted = { ...HI, from: `a${zeros}b`, message: "c" };
  assert(!isHello(eve.key, text, TOPIC, shifted));
  // Brokers may turn dots of the topic into slashes.
  assert(isHello(eve.key, eve.sign("a.team.red/x", HELLO), "a/team/red/x"));
  const call = { type: "who", name: "Ada", id: "1" } as const;
  const [key, sig] = [KEY, ada.sign(TOPIC, call)];
  assert(isSigned(TOPIC, { ...call, key, sig }));
  assert(!isSigned(TOPIC, { ...call, type: "here", key, sig }));
});

Deno.test("sign: a key and a signature have one spelling each", () => {
  const ada = Signer.generate();
  const signature = ada.sign(TOPIC, HELLO);
  const alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/";
  const respell = (text: string) =>
    Array.from(alphabet, (char) => text.slice(0, -1) + char)
      .concat(`${text}=`, ` ${text}`, `${text}A`, text.slice(1), "");
  // Of the 64 last characters 16 end other keys.
  assert(respell(ada.key).filter(isPublicKey).length <= 16);
  for (const key of respell(ada.key)) {
    assertEquals(isHello(key, signature), key === ada.key);
  }
  for (const other of respell(signature)) {
    assertEquals(isHello(ada.key, other), other === signature);
  }
});

Deno.test("sign: points of small order are no keys", () => {
  const [zeros, ones] = ["0", "f"].map((digit) => digit.repeat(60));
  const points = [
    ...[`00${zeros}00`, `00${zeros}80`, `01${zeros}00`, `01${zeros}80`],
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ...[`ec${ones}7f`, `ec${ones}ff`, `ed${ones}7f`, `ee${ones}7f`],
  ];
  // The signature R = identity, S = 0 fits any payload under such a key.
  const forged = Buffer.alloc(64).fill(1, 0, 1).toString("base64url");
  for (const point of points) {
    const key = Buffer.from(point, "hex").toString("base64url");
    assert(!isPublicKey(key), point);
    assert(!isHello(key, forged), point);
  }
});

Deno.test("sign: only an Ed25519 key signs", () => {
  const rsa = generateKeyPairSync("x25519").privateKey
    .export({ type: "pkcs8", format: "pem" });
  for (const pem of ["", "-----BEGIN PRIVATE KEY-----", String(rsa)]) {
    assertThrows(() => Signer.fromPem(pem));
  }
});

Deno.test("sign: 1,024 keys are remembered at most", () => {
  const keys = Array.from({ length: 2_048 }, () => Signer.generate().key);
  const sizes = sizesAtClear(() => keys.forEach(isPublicKey));
  assertEquals([...new Set(sizes)], [1_024]);
});

Deno.test("sign: a fingerprint is 32 bits of the key's hash", () => {
  assertEquals(fingerprint(KEY), "21FE 31DF");
});
