/**
 * Signatures as another program has them: one in Python, written from
 * docs/wire-format.md, verifies what we sign and signs what we verify.
 */

import { assert, assertEquals } from "@std/assert";
import { Signer } from "../../lib/client.ts";
import { Checker, decodeFrom, encodeFor } from "../../lib/codec.ts";
import { encodeText, type Payload } from "../../lib/protocol.ts";
import { decodeHistory, encodeHistory } from "../../lib/room/history.ts";
import { RoomSeal } from "../../lib/seal.ts";
import { SYSTEM_CLOCK } from "../../lib/timer.ts";
import { gate, isInstalled } from "../support/gates.ts";
import { KEY, PEM } from "../support/keys.ts";
import { page } from "../support/markdown.ts";
import { SECRET, SecretFile } from "../support/secret_file.ts";

const PYTHON = ["/usr/bin/python3", "python3"].find((python) =>
  isInstalled(python, "-c", "import cryptography")
);
const python = gate(
  PYTHON ? undefined : "python3-cryptography is not installed",
);

const PRIVATE =
  "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

const CASES: [topic: string, payload: Payload][] = [
  ["chat/room", { type: "message", from: "Ada", message: "Hello" }],
  ["team.red/Küche ☕", {
    ...{ type: "notice", from: "Zoë", notice: "User Zoë timed out." },
    ...{ id: "AAAAAAAAAAAAAAAA-1w" },
  }],
  ["x", {
    ...{
      type: "message",
      from: "ann",
      message: "a\n👋\u0000\u200b".repeat(99),
    },
    ...{ id: "AAAAAAAAAAAAAAAA-2", at: "2026-11-22T14:31:15.204Z" },
  }],
];

/** Runs a Python peer on some input; returns what it writes. */
async function peer(
  script: string,
  input: string,
  ...args: string[]
): Promise<string> {
  const { pathname } = new URL(`../support/${script}`, import.meta.url);
  const child = new Deno.Command(PYTHON!, {
    args: [pathname, ...args],
    env: { PYTHONUTF8: "1" },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout } = await child.output();
  assertEquals(code, 0);
  return new TextDecoder().decode(stdout).trimEnd();
}

const checkOf = (topic: string, text: string, seal?: RoomSeal) => {
  const bytes = new TextEncoder().encode(text);
  const { payload } = decodeFrom(topic, bytes, seal);
  return new Checker(SYSTEM_CLOCK).check(topic, payload as Payload);
};

const theirCheck = async (topic: string, text: string) =>
  JSON.parse(await peer("signed_peer.py", text, "check", topic));

python("the Python peer verifies what we sign, open and sealed", async () => {
  const signer = Signer.fromPem(PEM);
  await using secret = new SecretFile();
  const seal = new RoomSeal(SECRET);
  for (const [topic, payload] of CASES) {
    const text = encodeFor(topic, payload, { signer });
    assertEquals(await theirCheck(topic, text), "valid");
    assertEquals(await theirCheck(`${topic}/x`, text), "bad");
    assertEquals(
      await theirCheck(topic, text.replace('"from":"', "$&x")),
      "bad",
    );
    assertEquals(await theirCheck(topic, encodeFor(topic, payload)), "none");
    const sealed = encodeFor(topic, payload, { signer, seal });
    const opened = await peer(
      ...["sealed_peer.py", sealed, "open", secret.path, topic] as const,
    );
    assertEquals(await theirCheck(topic, opened), "valid");
  }
});

python("we verify what the Python peer signs, open and sealed", async () => {
  await using secret = new SecretFile();
  const seal = new RoomSeal(SECRET);
  for (const [topic, payload] of CASES) {
    const input = JSON.stringify(payload);
    const text = await peer("signed_peer.py", input, "sign", PRIVATE, topic);
    assertEquals(JSON.parse(text).key, KEY);
    assertEquals(checkOf(topic, text), "valid");
    assertEquals(checkOf("another", text), "bad");
    const nonce = "f0e1d2c3b4a5968778695a4b";
    const sealed = await peer(
      ...["sealed_peer.py", text, "seal", secret.path, topic, nonce] as const,
    );
    assertEquals(checkOf(topic, sealed, seal), "valid");
    // Ed25519 is deterministic: theirs is ours, byte for byte.
    const ours = encodeFor(topic, payload, { signer: Signer.fromPem(PEM) });
    assertEquals(JSON.parse(text), JSON.parse(ours));
  }
});

python("the page's vectors are right, and both refuse weak keys", async () => {
  const { text } = page("docs/wire-format.md");
  const [, json] = /Test vectors;[^]*?```json\n([^]*?)```/.exec(text)!;
  for (const { topic, payload, key, sig } of JSON.parse(json)) {
    const signed = JSON.stringify({ ...payload, key, sig });
    assertEquals(checkOf(topic, signed), "valid");
    assertEquals(await theirCheck(topic, signed), "valid");
  }
  // The identity as R, and S = 0: right for any payload under a weak key.
  const sig = `AQ${"A".repeat(84)}`;
  const [, list] = /small order[^]*?```\n([^]*?)```/.exec(text)!;
  const weak = list.match(/[\da-f]{64}/g)!;
  assert(weak.length >= 7);
  for (const hex of weak) {
    const key = Uint8Array.fromHex(hex)
      .toBase64({ alphabet: "base64url", omitPadding: true });
    const [topic, payload] = CASES[0];
    const forged = JSON.stringify({ ...payload, key, sig });
    assertEquals(checkOf(topic, forged), "bad");
    assertEquals(await theirCheck(topic, forged), "bad");
  }
});

python("the page's history and ours are read alike", async () => {
  const { text } = page("docs/wire-format.md");
  const [, example] = /```json\n(\{\s+"type": "history"[^]*?)```/.exec(text)!;
  const room = "chat/room";
  const checks = async (history: string) => {
    const bytes = new TextEncoder().encode(history);
    const { payload } = decodeFrom(`${room}/$history`, bytes);
    const receivedAt = new Date("2026-11-22T14:40:00Z");
    const read = decodeHistory({ payload, retain: false, receivedAt });
    assert(typeof read === "object");
    const checker = new Checker(SYSTEM_CLOCK);
    const ours = read.entries.map(({ payload }) =>
      checker.check(room, payload)
    );
    const theirs = await peer("signed_peer.py", history, "kept", room);
    assertEquals(JSON.parse(theirs), ours);
    return { ours, read };
  };
  const { ours, read } = await checks(example);
  assertEquals(ours, ["valid", "none"]);
  assertEquals(read.entries[0].payload.key, KEY);
  const again = encodeText(encodeHistory(read, Date.now()));
  assertEquals((await checks(again)).ours, ours);
});
