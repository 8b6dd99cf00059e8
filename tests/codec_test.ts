/** What a secret and a key do to payloads, alone and in clients at a broker. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { generateKeyPairSync, hkdfSync, scryptSync } from "node:crypto";
import { type Payload, PayloadTooLargeError, Signer } from "../lib/client.ts";
import { decodeFrom, encodeFor } from "../lib/codec.ts";
import { decode, MAX_PAYLOAD_BYTES } from "../lib/protocol.ts";
import { RoomSeal } from "../lib/seal.ts";
import { fingerprint, isPublicKey, isSigned } from "../lib/sign.ts";
import { openBroker } from "./support/brokers.ts";
import { KEY, PEM } from "./support/keys.ts";
import { errorOf, Member, memberTests, textOf } from "./support/members.ts";
import { page } from "./support/markdown.ts";
import { connack } from "./support/packets.ts";
import { Peer, said } from "./support/peers.ts";
import { pureTests, sizesAtClear } from "./support/pure.ts";

/** The most that can be sealed, as docs/sealed-rooms.md says. */
const MAX_SEALABLE_BYTES = 49_049;

const SECRET = "correct horse battery staple";
const ROOM = "chat/room";
const HELLO: Payload = {
  ...{ type: "message", from: "Ada", message: "Hello" },
  ...{ id: "AAAAAAAAAAAAAAAA-1", at: "2026-11-22T14:31:15.204Z" },
};

/** What can be known where the tag is not right. */
const REFUSED =
  "sealed with another secret, for another room, or changed since";

/** One for most tests: it takes a quarter of a second to make. */
const seal = new RoomSeal(SECRET);

const TEXT = JSON.stringify(HELLO);

const utf8 = (text: string) => new TextEncoder().encode(text);

const base64url = { alphabet: "base64url", omitPadding: true } as const;

/** What a sealed payload has in `sealed`. */
const sealedIn = (outer: string): string => JSON.parse(outer).sealed;

/** The bytes it stands for. */
const bytesOf = (sealed: string) => Uint8Array.fromBase64(sealed, base64url);

/** The payload inside; fails where it can't be had. */
const opened = (result: Uint8Array | string) =>
  new TextDecoder().decode(result as Uint8Array);

const pure = pureTests("codec");

const VECTORS: Record<string, string>[] = JSON.parse(
  page("docs/sealed-rooms.md").blocks("json")[1],
);

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
  // HKDF of node:crypto takes no more than 1,024 bytes.
  const LONGEST = "x".repeat(65_535);
  for (const inner of ["", "no JSON", "Zoë 👋", "\0\n\u2028", TEXT]) {
    for (const topic of [ROOM, "a", "ü/☕", "$SYS", LONGEST]) {
      const sealed = sealedIn(seal.seal(topic, inner));
      assertEquals(opened(seal.open(topic, sealed)), inner);
    }
  }
});

pure("changed, cut, continued or on another topic, it says why not", () => {
  const sealed = sealedIn(seal.seal(ROOM, TEXT));
  const bytes = bytesOf(sealed);
  const open = (changed: Uint8Array, topic = ROOM) =>
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
  for (const topic of [...others, `${ROOM}\0`, `${ROOM}\x01`]) {
    assertEquals(open(bytes, topic), REFUSED, topic);
  }
  assertEquals(new RoomSeal(`${SECRET} `).open(ROOM, sealed), REFUSED);
  assertEquals(opened(open(bytes)), TEXT);
});

pure("the same bytes have one spelling", () => {
  // 29 bytes leave two bits of the last character over.
  const sealed = sealedIn(seal.seal(ROOM, ""));
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

pure(
  "each nonce is random, or as it was filled",
  () => {
    let calls = 0;
    const counting = new RoomSeal(SECRET, (nonce) => {
      assertEquals([...nonce], Array(12).fill(0));
      nonce[4] = ++calls;
    });
    const nonceOf = (member: RoomSeal) =>
      bytesOf(sealedIn(member.seal(ROOM, ""))).subarray(1, 13);
    const filled = [1, 2, 3].map(() => nonceOf(counting)[4]);
    assertEquals(filled, [1, 2, 3]);
    const random = [1, 2, 3].map(() => nonceOf(seal).toHex());
    assertEquals(new Set(random).size, 3);
  },
);

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
    const outer = seal.seal(ROOM, "x".repeat(size));
    assertEquals(outer.length, 98 + Math.ceil(4 * (29 + size) / 3));
  }
  assertEquals(seal.sealable(65_536), MAX_SEALABLE_BYTES);
  const largest = "x".repeat(MAX_SEALABLE_BYTES);
  const outer = seal.seal(ROOM, largest);
  assertEquals(utf8(outer).length, MAX_PAYLOAD_BYTES);
  assertEquals(opened(seal.open(ROOM, sealedIn(outer))), largest);
  for (const inner of [`${largest}x`, `${largest.slice(1)}é`]) {
    const error = assertThrows(
      () => seal.seal(ROOM, inner),
      PayloadTooLargeError,
      "takes 65537 bytes with its envelope, the limit is 65536",
    );
    assertEquals(error.size, MAX_PAYLOAD_BYTES + 1);
  }
});

pure("neither the secret nor a key shows", () => {
  const [{ secret, scrypt, topic, key }] = VECTORS;
  vectorSeals[0].seal(topic, "");
  const shown = JSON.stringify(vectorSeals) +
    Deno.inspect(vectorSeals, { showHidden: true, getters: true });
  for (const text of [secret, scrypt, key]) {
    assert(!shown.includes(text.slice(0, 8)), shown);
  }
  assert(!/Uint8Array|Buffer/.test(shown), shown);
});

/** Whether a key and a signature fit a payload. */
const isHello = (
  key: string,
  sig: string,
  topic = ROOM,
  payload: Payload = HELLO,
) => isSigned(topic, { ...payload, key, sig });

Deno.test("sign: a signature is valid for its payload, topic and key only", () => {
  const ada = Signer.fromPem(PEM);
  const eve = Signer.generate();
  const signature = ada.sign(ROOM, HELLO);
  assertEquals([ada.key, fingerprint(ada.key)], [KEY, "21FE 31DF"]);
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
    assert(!isHello(KEY, signature, ROOM, payload), JSON.stringify(changes));
  }
  const [zeros, HI] = ["\0\0\0\0", { type: "message" } as const];
  const text = eve.sign(ROOM, { ...HI, from: "a", message: `b${zeros}c` });
  const shifted = { ...HI, from: `a${zeros}b`, message: "c" };
  assert(!isHello(eve.key, text, ROOM, shifted));
  // Brokers may turn dots of the topic into slashes.
  assert(isHello(eve.key, eve.sign("a.team.red/x", HELLO), "a/team/red/x"));
  const call = { type: "who", name: "Ada", id: "1" } as const;
  const [key, sig] = [KEY, ada.sign(ROOM, call)];
  assert(isSigned(ROOM, { ...call, key, sig }));
  assert(!isSigned(ROOM, { ...call, type: "here", key, sig }));
});

Deno.test("sign: a key and a signature have one spelling each", () => {
  const ada = Signer.generate();
  const signature = ada.sign(ROOM, HELLO);
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
    ...[`00${zeros}00`, `01${zeros}00`],
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ...[`ec${ones}7f`, `ed${ones}7f`, `ee${ones}7f`],
  ];
  for (const point of points) {
    // The last bit is the sign of x.
    for (const last of [0, 0x80]) {
      const bytes = Buffer.from(point, "hex");
      bytes[31] |= last;
      assert(!isPublicKey(bytes.toString("base64url")), point);
    }
  }
});

Deno.test("sign: only an Ed25519 key signs", () => {
  const other = generateKeyPairSync("x25519").privateKey
    .export({ type: "pkcs8", format: "pem" });
  for (const pem of ["", String(other)]) {
    assertThrows(() => Signer.fromPem(pem));
  }
});

Deno.test("sign: 1,024 keys are remembered at most", () => {
  const keys = Array.from({ length: 2_048 }, () => Signer.generate().key);
  const sizes = sizesAtClear(() => keys.forEach(isPublicKey));
  assertEquals([...new Set(sizes)], [1_024]);
});

pure("with a secret, it opens for those who have it, and says why not", () => {
  const plain = encodeFor(ROOM, HELLO);
  assertEquals(JSON.parse(plain), HELLO);
  assertEquals(decodeFrom(ROOM, utf8(plain)), { payload: HELLO });
  const text = encodeFor(ROOM, HELLO, { seal });
  const open = (wire: string, topic = ROOM, key?: RoomSeal) =>
    decodeFrom(topic, utf8(wire), key);
  assertEquals(open(text, ROOM, seal), { payload: HELLO, sealed: true });
  const { sealed } = JSON.parse(text);
  assertEquals(open(text), { payload: { type: "sealed", sealed } });
  const payload = { type: "sealed", sealed, reason: REFUSED } as const;
  assertEquals(open(text, "chat/else", seal), { payload, sealed: true });
  for (const [inner, reason] of [[text, "sealed twice"], ["", "not JSON"]]) {
    const { payload, sealed } = open(seal.seal(ROOM, inner), ROOM, seal);
    assert(payload.type === "malformed");
    assertEquals([payload.reason, sealed], [reason, true]);
  }
  for (const wire of [plain, "no JSON", '{"sealed":1}']) {
    const expected = { payload: decode(utf8(wire)), sealed: false };
    assertEquals(open(wire, ROOM, seal), expected);
  }
});

pure("a history is not signed", () => {
  const wire = { type: "history", from: "Ada" };
  const signer = Signer.generate();
  const text = encodeFor(ROOM, { type: "history", wire }, { signer });
  assertEquals(JSON.parse(text), wire);
});

for (const secret of [SECRET, undefined]) {
  const how = secret === undefined ? "plain" : "sealed";
  memberTests(how)("a history is as large as the broker's limit allows", {
    options: { secret },
    connect: () => connack(0, { maximumPacketSize: 1_000 }),
  }, async ({ broker, member: { client } }) => {
    const keep = (bytes: number) => {
      const wire = { x: "x".repeat(bytes - '{"x":""}'.length) };
      return client.keep("room/$history", { type: "history", wire });
    };
    const most = client.keepsBytes("room/$history");
    await keep(most);
    assertMatch(await errorOf(keep(most + 3)), /1000 bytes at most/);
    assertEquals(broker.all("publish").map(({ retain }) => retain), [true]);
  });
}

memberTests("sealed")("too large is refused, before it is sent", {
  options: { secret: SECRET },
}, async ({ broker, member: ann }) => {
  const large = "x".repeat(MAX_SEALABLE_BYTES);
  const refusal = await errorOf(ann.say(large, ROOM));
  assertMatch(refusal, /^PayloadTooLargeError: /);
  await ann.say("x".repeat(MAX_SEALABLE_BYTES - 200), ROOM);
  const kinds = broker.heard.all.map(({ cmd }) => cmd);
  assertEquals(kinds, ["connect", "publish"]);
  assertEquals(ann.client.keepsBytes(ROOM), MAX_SEALABLE_BYTES);
  const payload = { type: "notice", from: "ann", notice: large } as const;
  const will = { topic: ROOM, payload };
  assertThrows(() => ann.client.setWill(will), PayloadTooLargeError);
  const error = await errorOf(Member.connect(broker, { secret: "" }));
  assertEquals(error, "RangeError: The secret is empty.");
  assertEquals(broker.connections, 1);
});

Deno.test("signed: what a client sends carries its key, and others verify it", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  await using ann = await Member.connect(broker);
  await using bob = await Member.connect(broker);
  for (const { client } of [ann, bob]) await client.join([ROOM]);
  await ann.say("unsigned", ROOM);
  assertEquals((await bob.received.next()).check, "none");
  assertEquals((await ann.received.next()).sentTo, ROOM);
  await peer.next();
  const signer = ann.client.signer = Signer.generate();
  await ann.say("hi", ROOM);
  const { text } = await peer.next();
  const payload = JSON.parse(text) as Payload;
  assertEquals(payload.key, signer.key);
  assert(isSigned(ROOM, payload));
  assertEquals((await bob.received.next()).check, "valid");
  const own = await ann.received.next();
  assertEquals([own.check, own.sentTo], ["valid", ROOM]);
  // A payload under our id is ours only if we signed it.
  const { id } = payload;
  const forged: Payload = { type: "message", from: "ann", message: "no", id };
  const other = Signer.generate();
  const signed = { ...forged, key: other.key, sig: other.sign(ROOM, forged) };
  const wires = [
    [text.replace('"hi"', '"ha"'), "bad"],
    [text.replace(/,"sig":"[^"]+"/, ""), "bad"],
    [said("hi"), "none"],
    [JSON.stringify(forged), "none"],
    [JSON.stringify(signed), "valid"],
    [JSON.stringify({ ...signed, key: signer.key }), "bad"],
  ];
  for (const [wire, check] of wires) {
    await peer.publish(ROOM, wire);
    const received = await ann.received.next();
    assertEquals([received.check, received.sentTo], [check, undefined], wire);
  }
});

Deno.test("sealed: members read each other, and the signature is inside the seal", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  const [secret, signer] = [SECRET, Signer.generate()];
  await using ann = await Member.connect(broker, { secret });
  await using bob = await Member.connect(broker, { signer, secret });
  for (const { client } of [ann, bob]) await client.join([ROOM]);
  await bob.say("hi", ROOM);
  assertEquals((await peer.next()).text.includes(signer.key), false);
  const { check, sealed, sentTo, payload } = await ann.received.next();
  assertEquals([check, sealed, sentTo], ["valid", true, undefined]);
  assertEquals("key" in payload && payload.key, signer.key);
  await ann.say("hi", ROOM);
  const own = await ann.received.next();
  assertEquals([textOf(own), own.sealed, own.sentTo], ["hi", true, ROOM]);
  // Another client may use an id of ours.
  await peer.publish(ROOM, JSON.stringify(own.payload));
  const forged = await ann.received.next();
  assertEquals(forged.payload, own.payload);
  assertEquals([forged.sealed, forged.sentTo], [false, undefined]);
  // Replayed, it is what it was: the view knows its id.
  await peer.publish(ROOM, (await peer.next()).text);
  assertEquals((await ann.received.next()).payload, own.payload);
});

Deno.test("signed: of a forged flood 2,000 a second are verified, our own apart", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  const signer = Signer.generate();
  await using ann = await Member.connect(broker, { signer });
  await ann.client.join([ROOM]);
  await ann.clock.advance(1_500);
  const sig = "A".repeat(86);
  const wire = { type: "message", from: "ann", message: "x", key: signer.key };
  const forged = JSON.stringify({ ...wire, sig });
  for (let second = 0; second < 2; second++) {
    for (let n = 0; n < 2_002; n++) peer.mqtt.publish(ROOM, forged);
    const flood = await ann.received.take(2_002);
    const checks = [...Array(2_000).fill("bad"), "unchecked", "unchecked"];
    assertEquals(flood.map(({ check }) => check), checks);
    await ann.say("hi", ROOM);
    const own = await ann.received.next();
    assertEquals([textOf(own), own.check, own.sentTo], ["hi", "valid", ROOM]);
    await ann.clock.advance(1_000);
  }
});
