/**
 * Rooms with a secret as another program has them: one in Python, written from
 * docs/sealed-rooms.md, opens what we seal and seals what we open.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { RoomSeal } from "../../lib/seal.ts";
import { gate, isInstalled } from "../support/gates.ts";
import { type Outcome, Process } from "../support/processes.ts";

const PYTHON = ["/usr/bin/python3", "python3"].find((python) =>
  isInstalled(python, "-c", "import cryptography")
);
const python = gate(
  PYTHON ? undefined : "python3-cryptography is not installed",
);

const SECRET = "Cafe\u0301, s'il vous plai\u0302t";

const TOPICS = ["chat/room", "chat/Küche ☕", "x".repeat(1100)];
const PAYLOADS = [
  '{"type":"message","from":"Zoë","message":"grüß Gott 👋"}',
  JSON.stringify({ type: "message", from: "a", message: "x".repeat(49_000) }),
];

/** Each topic once, and each payload; the peer's scrypt takes a second. */
const CASES = TOPICS.map((topic, index) => [topic, PAYLOADS[index % 2]]);

/** A secret in a file that goes away with this, and the peer that reads it. */
class Peer implements AsyncDisposable {
  readonly #file = Deno.makeTempFileSync();

  constructor(content: string) {
    Deno.writeTextFileSync(this.#file, content);
  }

  /** Has it seal or open what it is given. */
  async run(mode: string, input: string, ...args: string[]): Promise<Outcome> {
    const script =
      new URL("../support/sealed_peer.py", import.meta.url).pathname;
    const child = new Deno.Command(PYTHON!, {
      args: [script, mode, this.#file, ...args],
      env: { PYTHONUTF8: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await using process = new Process(child, `the Python peer (${mode})`);
    await process.write(input);
    await process.endInput();
    return await process.outcome();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#file);
  }
}

python("the Python peer opens what we seal", async () => {
  await using peer = new Peer(`${SECRET}\nnot this line\n`);
  const seal = new RoomSeal(SECRET);
  for (const [topic, payload] of CASES) {
    assertEquals(
      await peer.run("open", seal.seal(topic, payload), topic),
      { code: 0, stdout: payload, stderr: "" },
    );
  }
});

python("we open what the Python peer seals, to the same bytes", async () => {
  // As Windows writes it, and in another normalisation.
  await using peer = new Peer(`\ufeff${SECRET.normalize("NFC")}\r\n`);
  const nonce = "f0e1d2c3b4a5968778695a4b";
  const seal = new RoomSeal(
    SECRET,
    (bytes) => bytes.set(Uint8Array.fromHex(nonce)),
  );
  for (const [topic, payload] of CASES) {
    const theirs = await peer.run("seal", payload, topic, nonce);
    assertEquals([theirs.code, theirs.stderr], [0, ""]);
    const outer = JSON.parse(theirs.stdout);
    assertEquals(outer, JSON.parse(seal.seal(topic, payload)));
    const inner = seal.open(topic, outer.sealed);
    assertEquals(
      typeof inner === "string" ? inner : new TextDecoder().decode(inner),
      payload,
    );
  }
});

python("the Python peer refuses what we refuse", async () => {
  await using peer = new Peer(SECRET);
  await using stranger = new Peer(`${SECRET} `);
  const [topic, other] = TOPICS;
  const sealed = new RoomSeal(SECRET).seal(topic, PAYLOADS[0]);
  // In the middle of the ciphertext, and the version.
  const changed = sealed.slice(0, -40) + "AAAA" + sealed.slice(-36);
  const unknown = sealed.replace('"sealed":"A', '"sealed":"B');
  for (
    const { code, stdout, stderr } of [
      await peer.run("open", sealed, other),
      await stranger.run("open", sealed, topic),
      await peer.run("open", changed, topic),
      await peer.run("open", unknown, topic),
      await peer.run("open", sealed.replace(/"}$/, '="}'), topic),
      await peer.run("open", PAYLOADS[0], topic),
    ]
  ) {
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /^refused: [^\n]+\n$/);
  }
});

Deno.test("no nonce comes twice in 20,000 sealed payloads", () => {
  const seal = new RoomSeal(SECRET);
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
