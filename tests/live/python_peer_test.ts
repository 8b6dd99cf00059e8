/**
 * Seals and signatures as another program has them: one in Python, written
 * from docs/sealed-rooms.md and docs/wire-format.md, opens and verifies what we
 * seal and sign, and the other way; at last in a room of a real Mosquitto.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Signer } from "../../lib/client.ts";
import { Checker, decodeFrom, encodeFor } from "../../lib/codec.ts";
import {
  encodeText,
  joinNotice,
  type Payload,
  timeoutNotice,
} from "../../lib/protocol.ts";
import { decodeHistory, encodeHistory } from "../../lib/room/history.ts";
import { RoomSeal } from "../../lib/seal.ts";
import { SYSTEM_CLOCK } from "../../lib/timer.ts";
import { gate, NO_MOSQUITTO } from "../support/gates.ts";
import { KEY, PEM, SECRET, SecretFile } from "../support/keys.ts";
import { listen, send } from "../support/live.ts";
import { page } from "../support/markdown.ts";
import { Mosquitto } from "../support/servers.ts";
import { Peer } from "../support/peers.ts";
import { NO_PYTHON, SpecPeer, startPython } from "../support/python.ts";

const python = gate(NO_PYTHON);

/** A secret that each system writes in another way. */
const ACCENTS = "Cafe\u0301, s'il vous plai\u0302t";
const NONCE = "f0e1d2c3b4a5968778695a4b";

/** The private key of `PEM`, without its envelope. */
const PRIVATE =
  "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

const SEALED_CASES = [
  ["chat/room", '{"type":"message","from":"Zoë","message":"grüß Gott 👋"}'],
  [
    "chat/Küche ☕",
    `{"type":"message","from":"a","message":"${"x".repeat(49_000)}"}`,
  ],
  ["x".repeat(1100), "grüß Gott 👋"],
];

python("each opens what the other seals, and refuses the same", async () => {
  // As Windows writes it, in another normalisation, and with a second line.
  const content = `\ufeff${ACCENTS.normalize("NFC")}\r\nnot this line\n`;
  await using file = new SecretFile(content);
  await using other = new SecretFile(`${ACCENTS} `);
  await using peer = new SpecPeer(file.path);
  await using stranger = new SpecPeer(other.path);
  const fill = (bytes: Uint8Array) => bytes.set(Uint8Array.fromHex(NONCE));
  const seal = new RoomSeal(ACCENTS, fill);
  for (const [topic, payload] of SEALED_CASES) {
    const sealed = seal.seal(topic, payload);
    assertEquals(await peer.ask("open", topic, sealed), payload);
    // With the same nonce, theirs is ours, byte for byte.
    const theirs = await peer.ask("seal", topic, payload, NONCE);
    assertEquals(JSON.parse(theirs), JSON.parse(sealed));
    const opened = seal.open(topic, JSON.parse(theirs).sealed);
    assert(opened instanceof Uint8Array);
    assertEquals(new TextDecoder().decode(opened), payload);
  }
  const [[topic, payload], [another]] = SEALED_CASES;
  const sealed = seal.seal(topic, payload);
  assertEquals(await peer.ask("open", another, sealed), null);
  assertEquals(await stranger.ask("open", topic, sealed), null);
  const refused = [
    sealed.slice(0, -40) + "AAAA" + sealed.slice(-36),
    sealed.replace('"sealed":"A', '"sealed":"B'), // an unknown version
    sealed.replace(/"}$/, '="}'),
    payload,
  ];
  for (const payload of refused) {
    assertEquals(await peer.ask("open", topic, payload), null);
  }
});

const CASES: [topic: string, payload: Payload][] = [
  ["chat/room", { type: "message", from: "Ada", message: "Hello" }],
  ["team.red/Küche ☕", {
    ...{ type: "notice", from: "Zoë", notice: "User Zoë timed out." },
    ...{ id: "AAAAAAAAAAAAAAAA-1w" },
  }],
  ["x", {
    ...{ type: "message", from: "ann" },
    ...{ message: "a\n👋\u0000\u200b".repeat(99) },
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
  await using peer = new SpecPeer(secret.path);
  const check = (...asked: string[]) => peer.ask("check", ...asked);
  const signer = Signer.fromPem(PEM);
  const seal = new RoomSeal(SECRET);
  for (const [topic, payload] of CASES) {
    const text = encodeFor(topic, payload, { signer });
    assertEquals(await check(topic, text), "valid");
    assertEquals(await check(`${topic}/x`, text), "bad");
    assertEquals(await check(topic, text.replace('"from":"', "$&x")), "bad");
    assertEquals(await check(topic, encodeFor(topic, payload)), "none");
    const sealed = encodeFor(topic, payload, { signer, seal });
    const opened = await peer.ask("open", topic, sealed);
    assertEquals(await check(topic, opened), "valid");
    // Each time with a nonce of its own.
    assert(encodeFor(topic, payload, { signer, seal }) !== sealed);
    // And the other way.
    const unsigned = JSON.stringify(payload);
    const signed = await peer.ask("sign", topic, unsigned, PRIVATE);
    // Ed25519 is deterministic: theirs is ours, byte for byte.
    assertEquals(signed, JSON.parse(text));
    const theirs = JSON.stringify(signed);
    assertEquals(checkOf(topic, theirs), "valid");
    assertEquals(checkOf("another", theirs), "bad");
    const theirsSealed = await peer.ask("seal", topic, theirs, NONCE);
    assertEquals(checkOf(topic, theirsSealed, seal), "valid");
  }
});

python("the page's vectors are right, and both refuse weak keys", async () => {
  await using peer = new SpecPeer();
  const { text } = page("docs/wire-format.md");
  const check = async (topic: string, payload: object, right: string) => {
    const signed = JSON.stringify(payload);
    assertEquals(checkOf(topic, signed), right);
    assertEquals(await peer.ask("check", topic, signed), right);
  };
  const [, json] = /Test vectors;[^]*?```json\n([^]*?)```/.exec(text)!;
  for (const { topic, payload, key, sig } of JSON.parse(json)) {
    await check(topic, { ...payload, key, sig }, "valid");
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
    await check(topic, { ...payload, key, sig }, "bad");
  }
});

python("the page's history and ours are read alike", async () => {
  await using peer = new SpecPeer();
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

const live = gate(NO_MOSQUITTO ?? NO_PYTHON);

/** A sealed payload, and nothing else. */
const SEALED =
  /^\{"type":"notice","from":"sealed","notice":"A sealed message: --secret-file opens it\.","sealed":"A[Q-Za-f][\w-]{37,}"\}$/;

live("in a room with a secret, others see sealed JSON alone", async () => {
  await using broker = await Mosquitto.start();
  await using file = new SecretFile();
  await using spec = new SpecPeer(file.path);
  const topic = "chat/room";
  await using peer = await Peer.connect(broker, "chat/#");
  const login = ["127.0.0.1", `${broker.port}`, "chat", "chat"];
  await using older = startPython(
    "python_peer.py",
    "read",
    ...login,
    topic,
    "4",
  );
  await older.stdout.line(/^READY$/);
  const room = ["-h", broker.host, "-t", topic];
  const sealed = [...room, ...file.flag];
  await using ann = await listen([...sealed, "-n", "Ann"], file);
  await ann.stdout.line(/Ann is now subscribed/);
  await send([...sealed, "-n", "Bob"], ["one"], file);
  const said = '{"type":"message","from":"Cy","message":"grüß Gott"}';
  await peer.publish(topic, await spec.ask("seal", topic, said, NONCE));
  // It opens, so that nothing marks it.
  await ann.stdout.line(/^[\d:]{8} Cy: grüß Gott$/);
  ann.signal("SIGKILL");
  const opened = [];
  const notices = [];
  for (let n = 0; n < 4; n++) {
    const { text } = await peer.next();
    // Python writes spaces after commas and colons.
    const outer = JSON.parse(text);
    assertMatch(JSON.stringify(outer), SEALED);
    notices.push([outer.type, outer.from, outer.notice]);
    const inner = JSON.parse(await spec.ask("open", topic, text));
    opened.push(inner.message ?? inner.notice);
  }
  const texts = [joinNotice("Ann", topic), "one", "grüß Gott"];
  assertEquals(opened, [...texts, timeoutNotice("Ann")]);
  // The older program prints the notice of each.
  const { stdout } = await older.outcome();
  const printed = stdout.trim().split("\n").slice(1);
  assertEquals(printed.map((line) => JSON.parse(line)), notices);
});
