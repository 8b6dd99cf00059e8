/**
 * The scripts against brokers and surroundings that mean no good, and what shows
 * payloads against those that were made up to harm.
 */

import { assert, assertEquals } from "@std/assert";
import { decode, encode } from "../../lib/protocol.ts";
import { renderJson } from "../../lib/room/json.ts";
import { safeText } from "../../lib/safe_text.ts";
import { at, FakeBroker, hostOf, letIn } from "../support/brokers.ts";
import {
  assertHarmless,
  message,
  notice,
  received,
  utf8,
} from "../support/line_fixtures.ts";
import { suback } from "../support/packets.ts";
import { nextPayload, roomTests, said } from "../support/peers.ts";
import { assertEnds, run, spawn, start } from "../support/processes.ts";
import { Random } from "../support/random.ts";

const test = roomTests("hostile");

const MALFORMED = /^Disconnected .*: the broker sent a malformed packet/;
const PACKETS: [what: string, bytes: number[], reason: RegExp][] = [
  ["PUBREC without its id", [0x62, 1, 0], MALFORMED],
  ["PUBLISH at QoS 1 without its id", [0x32, 3, 0, 1, 0x78], MALFORMED],
  ["PUBLISH at QoS 2 without its id", [0x34, 3, 0, 1, 0x78], MALFORMED],
  [
    "packet of 256 MB, which is not gathered",
    [0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x78],
    /^Disconnected .*: the broker sent a packet of over/,
  ],
];

Deno.test("hostile: a packet that can't be read renews the connection", async () => {
  for (const [what, bytes, reason] of PACKETS) {
    await using broker = new FakeBroker(letIn({
      subscribe: (packet, { number }) =>
        number === 1 ? [...suback(packet, 1), ...bytes] : suback(packet, 1),
    }));
    await using listener = start("listener.ts", at(broker));
    await listener.stderr.line(reason);
    await listener.stderr.line(/^Connected again to /);
    assertEquals((await listener.stop()).code, 0, what);
  }
});

Deno.test("hostile: a broker that doesn't answer SUBSCRIBE", async () => {
  await using broker = new FakeBroker(letIn({ subscribe: () => undefined }));
  assertEnds(
    await run("listener.ts", at(broker, "--timeout", "1")),
    3,
    /three times while only this .*: no answer to SUBSCRIBE in 1 s/,
  );
});

test("rooms named like properties of libraries", async ({ broker, peer }) => {
  const rooms = ["resubscribe", "7", "__proto__", "chat/z"];
  await using listener = start("listener.ts", [
    ...["--host", hostOf(broker), "-u", "Server", "-P", "admin"],
    ...rooms.flatMap((room) => ["-t", room]),
  ]);
  for (const room of rooms) {
    await listener.stderr.line(new RegExp(`^Reading ${room} at QoS 1\\.$`));
  }
  await peer.publish("chat/z", said("hi"));
  await listener.stdout.line(/\[chat\/z\] ann: hi$/);
});

/** A script that a shell starts, with other input or output. */
const shell = (command: string, broker: { port: number }, ...args: string[]) =>
  spawn("sh", [
    ...["-c", command.replace("DENO", '"$0" run --quiet --no-prompt -N')],
    ...[Deno.execPath(), ...at(broker, ...args)],
  ]);

test("a full disk ends it, for stderr it doesn't", async ({ broker, peer }) => {
  const publish = "printf 'one\\n\\377\\ntwo\\n' | " +
    'DENO publisher.ts "$@" 2> /dev/full';
  await using publisher = shell(publish, broker);
  assertEquals((await publisher.outcome()).code, 5);
  for (const text of ["one", "two"]) {
    assertEquals((await nextPayload(peer)).message, text);
  }
  const listen = 'DENO listener.ts "$@" > /dev/full';
  await using listener = shell(listen, broker, "-W", "20");
  assertEnds(
    await listener.outcome(),
    1,
    /listener: Writing stdout failed: No space left.*\.$/m,
  );
});

/** Makes payloads that a malicious or broken program could publish. */
function hostilePayloads(random: Random): (() => Uint8Array)[] {
  const int = (below: number) => random.below(below);
  const pick = <T>(items: T[]) => random.one(items);
  const code = () => {
    const ends = [0x20, 0x100, 0x10000, 0x110000];
    return pick([...ends.map(int), 0x2000 + int(0x70)]);
  };
  const string = () =>
    String.fromCodePoint(...Array.from({ length: int(30) }, code));
  const value = (): unknown =>
    pick([string(), string(), string(), int(9), null, [], {}, true]);
  const type = () =>
    pick(["message", "notice", "info", "toString", "__proto__", value()]);
  const fields = () => {
    const keys = ["type", "from", "message", "notice", "id", "at", "__proto__"];
    return keys.filter(() => random.chance(0.9)).map((key) => {
      const content = JSON.stringify(key === "type" ? type() : value());
      return `"${key}":${content}`;
    });
  };
  const valid = () => encode(pick([message, notice])(string(), `a${string()}`));
  const opening = () => pick(["[", '{"a":', '{"type":[']);
  const escape = () => pick(["d83d", "dc00", "001b", "202e", "0000", "ffff"]);
  return [
    valid,
    valid,
    () => Uint8Array.from({ length: int(300) }, () => int(256)),
    () => {
      const mutated = valid();
      for (let i = int(4); i >= 0; i--) mutated[int(mutated.length)] = int(256);
      return mutated;
    },
    () => valid().subarray(0, int(100)),
    () => utf8(`{${fields().join()}}`),
    () => utf8(`{${[...fields(), ...fields()].join()}}`), // duplicate keys
    () => utf8(`\ufeff${pick(["", "\ufeff"])}{${fields().join()}}`),
    () => utf8(opening().repeat(int(5000))),
    () =>
      utf8(`{"type":"message","from":"\\ud800","message":"\\u${escape()}"}`),
  ];
}

Deno.test("hostile: 2,000 random payloads are one harmless line each", () => {
  const makers = hostilePayloads(new Random(20260102));
  const seen = { message: 0, notice: 0, malformed: 0 };
  for (let i = 0; i < 2_000; i++) {
    const bytes = makers[i % makers.length]();
    const payload = decode(bytes);
    assert("from" in payload || payload.type === "malformed");
    seen[payload.type]++;
    const topic = new TextDecoder().decode(bytes.slice(0, 40));
    const what = received(payload, topic);
    assertHarmless(what);
    const json = JSON.parse(renderJson(what));
    if (payload.type === "malformed") {
      assertEquals(json.bytes, bytes.toBase64());
    } else {
      const text = payload.type === "message"
        ? payload.message
        : payload.notice;
      assertEquals(json.text, text);
      assertEquals(safeText(safeText(text)), safeText(text));
    }
  }
  for (const count of Object.values(seen)) {
    assert(count > 100, JSON.stringify(seen));
  }
});
