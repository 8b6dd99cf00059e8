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
import { KEY, PEM } from "../support/keys.ts";
import { page } from "../support/markdown.ts";
import { python, PythonPeer } from "../support/python.ts";
import { SECRET, SecretFile } from "../support/secret_file.ts";

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

const checkOf = (topic: string, text: string, seal?: RoomSeal) => {
  const bytes = new TextEncoder().encode(text);
  const { payload } = decodeFrom(topic, bytes, seal);
  return new Checker(SYSTEM_CLOCK).check(topic, payload as Payload);
};

python("each verifies what the other signs, open and sealed", async () => {
  await using secret = new SecretFile();
  await using signing = new PythonPeer("signed_peer.py");
  await using sealing = new PythonPeer("sealed_peer.py", "answer", secret.path);
  const check = (...asked: string[]) => signing.ask("check", ...asked);
  const signer = Signer.fromPem(PEM);
  const seal = new RoomSeal(SECRET);
  for (const [topic, payload] of CASES) {
    const text = encodeFor(topic, payload, { signer });
    assertEquals(await check(topic, text), "valid");
    assertEquals(await check(`${topic}/x`, text), "bad");
    assertEquals(
      await check(topic, text.replace('"from":"', "$&x")),
      "bad",
    );
    assertEquals(await check(topic, encodeFor(topic, payload)), "none");
    const sealed = encodeFor(topic, payload, { signer, seal });
    const opened = await sealing.ask("open", topic, sealed);
    assertEquals(await check(topic, opened), "valid");
    // And the other way.
    const theirs = JSON.stringify(
      await signing.ask("sign", PRIVATE, topic, JSON.stringify(payload)),
    );
    assertEquals(JSON.parse(theirs).key, KEY);
    assertEquals(checkOf(topic, theirs), "valid");
    assertEquals(checkOf("another", theirs), "bad");
    const nonce = "f0e1d2c3b4a5968778695a4b";
    const theirsSealed = await sealing.ask("seal", topic, theirs, nonce);
    assertEquals(checkOf(topic, theirsSealed, seal), "valid");
    // Ed25519 is deterministic: theirs is ours, byte for byte.
    assertEquals(JSON.parse(theirs), JSON.parse(text));
  }
});

python("the page's vectors are right, and both refuse weak keys", async () => {
  await using peer = new PythonPeer("signed_peer.py");
  const { text } = page("docs/wire-format.md");
  const [, json] = /Test vectors;[^]*?```json\n([^]*?)```/.exec(text)!;
  for (const { topic, payload, key, sig } of JSON.parse(json)) {
    const signed = JSON.stringify({ ...payload, key, sig });
    assertEquals(checkOf(topic, signed), "valid");
    assertEquals(await peer.ask("check", topic, signed), "valid");
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
    assertEquals(await peer.ask("check", topic, forged), "bad");
  }
});

python("the page's history and ours are read alike", async () => {
  await using peer = new PythonPeer("signed_peer.py");
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
    assertEquals(await peer.ask("kept", room, history), ours);
    return { ours, read };
  };
  const { ours, read } = await checks(example);
  assertEquals(ours, ["valid", "none"]);
  assertEquals(read.entries[0].payload.key, KEY);
  const again = encodeText(encodeHistory(read, Date.now()));
  assertEquals((await checks(again)).ours, ours);
});
