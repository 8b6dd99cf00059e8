/**
 * Rooms with a secret as another program has them: one in Python, written from
 * docs/sealed-rooms.md, opens what we seal and seals what we open.
 */

import { assertEquals } from "@std/assert";
import { RoomSeal } from "../../lib/seal.ts";
import { python, PythonPeer } from "../support/python.ts";
import { SecretFile } from "../support/secret_file.ts";

const SECRET = "Cafe\u0301, s'il vous plai\u0302t";

const TOPICS = ["chat/room", "chat/Küche ☕", "x".repeat(1100)];
const PAYLOADS = [
  '{"type":"message","from":"Zoë","message":"grüß Gott 👋"}',
  JSON.stringify({ type: "message", from: "a", message: "x".repeat(49_000) }),
];

/** Each topic once, and each payload. */
const CASES = TOPICS.map((topic, index) => [topic, PAYLOADS[index % 2]]);

/** One for the tests that don't choose the nonces. */
const seal = new RoomSeal(SECRET);

python(
  "the Python peer opens what we seal, refuses what we refuse",
  async () => {
    await using file = new SecretFile(`${SECRET}\nnot this line\n`);
    await using other = new SecretFile(`${SECRET} `);
    await using peer = new PythonPeer("sealed_peer.py", "answer", file.path);
    await using stranger = new PythonPeer(
      "sealed_peer.py",
      "answer",
      other.path,
    );
    for (const [topic, payload] of CASES) {
      const sealed = seal.seal(topic, payload);
      assertEquals(await peer.ask("open", topic, sealed), payload);
    }
    const [topic, another] = TOPICS;
    const sealed = seal.seal(topic, PAYLOADS[0]);
    // In the middle of the ciphertext, and the version.
    const changed = sealed.slice(0, -40) + "AAAA" + sealed.slice(-36);
    const unknown = sealed.replace('"sealed":"A', '"sealed":"B');
    const spelled = sealed.replace(/"}$/, '="}');
    assertEquals(await peer.ask("open", another, sealed), null);
    assertEquals(await stranger.ask("open", topic, sealed), null);
    for (const payload of [changed, unknown, spelled, PAYLOADS[0]]) {
      assertEquals(await peer.ask("open", topic, payload), null);
    }
  },
);

python("we open what the Python peer seals, to the same bytes", async () => {
  // As Windows writes it, and in another normalisation.
  await using file = new SecretFile(`\ufeff${SECRET.normalize("NFC")}\r\n`);
  await using peer = new PythonPeer("sealed_peer.py", "answer", file.path);
  const nonce = "f0e1d2c3b4a5968778695a4b";
  const seal = new RoomSeal(
    SECRET,
    (bytes) => bytes.set(Uint8Array.fromHex(nonce)),
  );
  for (const [topic, payload] of CASES) {
    const outer = JSON.parse(await peer.ask("seal", topic, payload, nonce));
    assertEquals(outer, JSON.parse(seal.seal(topic, payload)));
    const inner = seal.open(topic, outer.sealed);
    assertEquals(
      typeof inner === "string" ? inner : new TextDecoder().decode(inner),
      payload,
    );
  }
});

Deno.test("no nonce comes twice in 20,000 sealed payloads", () => {
  const start = seal.seal("chat", "").indexOf('"sealed":"') + 10;
  // By their first 64 bits; with 32 random ones, 99 runs in 100 would fail.
  const nonces = new BigUint64Array(20_000);
  for (let index = 0; index < nonces.length; index++) {
    const digits = seal.seal("chat", "").slice(start, start + 12);
    const bytes = Uint8Array.fromBase64(digits, { alphabet: "base64url" });
    nonces[index] = new DataView(bytes.buffer).getBigUint64(1);
  }
  nonces.sort();
  const twice = nonces.filter((nonce, index) => nonce === nonces[index + 1]);
  assertEquals(twice.length, 0);
});
