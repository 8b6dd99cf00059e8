import { assert, assertEquals } from "@std/assert";
import { joinNotice, timeoutNotice } from "../../lib/protocol.ts";
import { pureTests, scenesIn } from "../support/pure.ts";
import { namesIn } from "../support/line_fixtures.ts";
import { act, openReader, openRoom, ROOM } from "../support/sim.ts";

const test = pureTests("catching up", () => openRoom());

const OWN_JOIN = `-- ${joinNotice("me", ROOM)}`;
const GAP = /^== Connected to a:1883 after \d+\.\d s without a connection\. /;

const SCENES = `
the history is shown before live messages
  A keeps | Ada says 3 | me reads! | Ada says 1 | waiting no |
  shows history 3, 1, 2, 3, now, join, 4
the history is shown to a reader that enters
  A keeps | Ada says 3 | me reads enters=true |
  shows history 3, 1, 2, 3, now, join
a reader that keeps the room itself goes on reading its history
  A keeps | Ada says 3 | me reads keeps=true | waiting yes
the last N messages are shown, up to the reader's join
  A keeps | Ada says 10 | Ada says 2! | me reads history=5 |
  shows history 5, 8, 9, 10, 11, 12, now, join
missed messages follow the gap, live messages follow them, each time
  A keeps | Ada says 3 | me reads | me cut! | Ada says 2 | me back |
  shows gap: 2 nothing is missing, 4, 5, join | me cut! | Ada says 2 | me back |
  shows gap: 2 nothing is missing, 6, 7, join
of a quiet gap nothing is missing, also with --keep 1
  A keeps keep=1 | Ada says 4 | me reads | Ada says 1 | me cut | me back |
  shows gap: Nothing is missing, join
of a gap with more than is kept others may be missing
  A keeps keep=3 | Ada says 3 | me reads history=2 | me cut! | Ada says 40 |
  me back | first gap: 3 others may be missing
a message without an id that came meanwhile is shown once
  A keeps | Ada says 1 | me reads latency=400! | Python says hi! | wait 900 |
  shows history 1, 1, now, join, Python: hi
a reader that may not write claims nothing
  A keeps | Ada says 3 | me reads mute=true | me cut! | Ada says 2 | me back |
  first gap: 2 others may be missing
of a keeper that is away in the gap, too, others may be missing
  A keeps | Ada says 3 | me reads | me cut! | A cut! | Ada says 5 | A back! |
  Ada says 1 | me back | first gap: 1 others may be missing
a dead keeper's history claims nothing
  A keeps | Ada says 3 | me reads | A dies | Ada says 1 | me cut! | Ada says 10 |
  me back | waiting yes | wait 8000 | waiting no |
  shows gap: Messages may be missing here, join
the history of an earlier gap says nothing of the next
  A keeps | Ada says 3 | me reads | me cut! | Ada says 1 | me back | A dies! |
  forgotten! | me cut! | me back sessionPresent=true |
  first gap: Only what was sent at QoS 1 or 2 was kept
a keeper that began after the reader has what it missed
  me reads | wait 60000 | A keeps | Ada says 2 | me cut! | Ada says 2 | me back |
  shows gap: 2 nothing is missing, 3, 4, join
a second lost connection releases messages
  A keeps | Ada says 3 | me reads | me cut! | me back! | Ada says 1! |
  me cut again! | shows gap: Messages may be missing here, join, 4
missing messages are fetched before they are reported, each time
  A keeps | Ada says 3 | me reads | shows history 3, 1, 2, 3, now, join | me deaf! |
  Ada says 2! | me hears! | Ada says 1! | wait 10000 | shows 6, 4, 5 | me deaf! |
  Ada says 2! | me hears! | Ada says 1! | wait 10000 | shows 9, 7, 8 | waiting no
of a renewal, which brings no join, nothing is claimed
  A keeps | Ada says 3 | me reads | me cut | me back |
  shows gap: Nothing is missing, join | me back isRenewed=true |
  shows gap: Messages may be missing here
messages without an id are known after a gap
  A keeps | Python says a | me reads | Python says b | me cut! | Ada says 1 |
  me back | shows gap: 1 nothing is missing, 1, join
of a gap before the first history the last N messages are shown
  me reads history=2 | me cut! | A keeps keep=3 | Ada says 5 | me back |
  shows gap: 2 others may be missing, 4, 5, join | me cut! | Ada says 40 |
  me back | first gap: 3 others may be missing
messages of a shown history are known after a gap, none is claimed unannounced
  A keeps | Ada says 1 | Python says a | me reads announce=false | me cut! |
  Ada says 1 | me back | first gap: 1 others may be missing | waiting no
a text that is repeated in a gap is shown again
  A keeps | me reads | Ada says 1 | Python says hi! | me cut! | Python says hi |
  me back | shows gap: 1 nothing is missing, Python: hi, join
a keeper that wrote a moment ago is waited for
  A keeps | Ada says 3 | me reads latency=700 | me cut! | Ada says 2! | wait 150 | me back |
  shows gap: 2 nothing is missing, 4, 5, join
the first history of a keeper that wrote a moment ago is waited for, too
  me reads | me cut | me back | wait 12000 | A keeps | Ada says 1 | me cut! |
  Ada says 1! | wait 150 | me back | shows gap: 1 nothing is missing, 2, join
without a keeper a gap is reported after half a second
  me reads | me cut! | me back! | wait 500 |
  shows gap: Messages may be missing here, join
a renewal while the history is awaited loses nothing
  A keeps | Ada says 3 | me reads latency=400! | Ada says 1! |
  me back isRenewed=true | shows gap: 3 others may be missing,
  -- User A is now subscribed to chat/room, 1, 2, 3, join, 4
after a history none is said to be missing
  A keeps | Ada says 3 | A dies | me reads tellsNone=true timeout=1 |
  shows history 3, 1, 2, 3, now, join
without a history a loss is reported at once
  me reads | Ada says 1 | me deaf! | Ada says 1! | me hears! | Ada says 1! |
  wait 3000 | shows join, 1, 3, == 1 message of Ada did not arrive
a loss is not reported without a connection
  A keeps | me reads | Ada says 1 | me deaf! | Ada says 1! | me hears! |
  Ada says 1! | me cut! | wait 10000 | shows | me back |
  shows gap: 1 nothing is missing, 2, join
a session that may have been shared is not counted
  me reads | Ada says 1 | me back mayBeShared=true | me deaf! | Ada says 1! |
  me hears! | Ada says 1 | wait 10000 |
  shows join, 1, gap: Messages may be missing here, 3
after a cleared history at most N messages are shown, marked
  A keeps | Ada says 60 | forgotten! | me reads history=3 |
  shows history 3, 58, 59, 60, now, join
a room without a keeper says so once, if asked
  me reads tellsNone=true! | wait 600 | shows join | wait 60000 |
  shows == This room keeps no history
a room without a keeper says nothing of it unless asked
  me reads | shows join | wait 60000 | shows
a keeper that comes back after the reader is waited for
  A keeps | Ada says 3 | me reads | me cut! | Ada says 2! | A cut! | wait 5000 |
  me back! | wait 5100 | Ada says 2! | wait 4900 | A back! | Ada says 1! |
  wait 15000 | shows gap: Messages may be missing here, join, 6, 7,
  == 2 messages of Ada did not arrive, -- User A is now subscribed to chat/room, 8
a loss looked up meanwhile does not end the wait for a keeper
  A keeps | Ada says 3 | me reads | me cut! | Ada says 2! | A cut! | wait 5000 |
  me back! | wait 5100 | me deaf! | Ada says 1! | me hears! | Ada says 1! |
  wait 4000 | waiting yes | wait 900 | A back! | Ada says 1! | wait 15000 |
  shows gap: Messages may be missing here, join, 7,
  == 3 messages of Ada did not arrive, -- User A is now subscribed to chat/room, 8
ignored authors are left out of each part of a history
  A keeps | Ada says 1! | Bob says 1 | me reads ignores=["Bob"] |
  shows history 1, 1, now, join | me cut! | Ada says 1! | Bob says 1 | me back |
  shows gap: 1 nothing is missing, 2, join
an older history than one seen is ignored, and reported once
  A keeps | Ada says 3 | me reads | remembered | Ada says 1 | wait 3000 | me cut |
  me back | me cut! | Ada says 1 | wait 2000 | A cut! | replayed | me back |
  first gap: Messages may be missing here | me cut! | replayed | me back |
  first gap: Messages may be missing here | warned The history of chat/room was
  replaced by an older one, which is ignored.
with --history 0 no history is read
  A keeps | Ada says 1 | me reads history=0 | shows join
for several rooms no history is read
  A keeps | Ada says 1 | me reads topics=["chat/room","chat/hall"] | shows join
`;

for (const [title, scene] of scenesIn(SCENES)) test(title, () => act(scene));

for (const announce of [true, false]) {
  for (const latency of [400, 3_000, 40_000]) {
    const how = `latency=${latency} announce=${announce}`;
    const live = announce ? "join, 4" : "4";
    const history = "history 2, 2, 3, now";
    const shown = latency < 500 ? [history, live] : [live, history];
    test(`a history that takes its time is marked, ${how}`, () =>
      act(
        `A keeps | Ada says 3 | A dies | me reads history=2 ${how}! | wait 600 |
        Ada says 1 | wait 60000 | shows ${shown.join(", ")}`,
      ));
  }
}

test("what comes while the history is awaited is no earlier than its end", async ({ broker, keep, say, wait }) => {
  const { sim } = await keep();
  await say(3);
  sim.kill();
  // To the last tenth of a second.
  await wait(999 - broker.clock.wall() % 1_000 - 100);
  const { lines, times } = await openReader(broker, { latency: 400 });
  await say();
  assertEquals(lines.slice(-3), ["== now", OWN_JOIN, "Ada: Ada 4"]);
  const [now, join] = times.slice(-3);
  assertEquals(now, join);
  assert(times[0] <= now, times.join());
});

test("authors and members of a shown history are in the roster, with their times", async ({ broker, keep, say, wait }) => {
  await keep({ keep: 1 });
  await say(1, 600_000);
  const { room } = await openReader(broker);
  await wait(1_000);
  const [me, ...seen] = room.roster.list().map(({ name, state, at }) =>
    `${name} ${state} ${at.toJSON().slice(11, 19)}`
  );
  assertEquals(seen, ["Ada wrote 14:30:00", "Keeper here 14:30:00"], me);
  await wait(86_400_000);
  const later = await openReader(broker, { name: "I" });
  await wait(1_000);
  assertEquals(namesIn(later.room.roster), ["I"]);
});

test("a history of a keeper that died a minute ago says so, that of a live one doesn't", async ({ broker, keep, say, wait }) => {
  const { sim } = await keep();
  await say(1, 3_600_000);
  const header = async (milliseconds: number, options = {}) => {
    const { lines } = await openReader(broker, options);
    await wait(milliseconds);
    return lines[0].replace(/\d\d:30/, "HH:30");
  };
  const recent = "== 1 message from before you came";
  assertEquals(await header(3_000), recent);
  sim.kill();
  const { at } = broker.history;
  await wait(Date.parse(at) + 59_999 - broker.clock.wall());
  const silent = { announce: false, latency: 1 };
  assertEquals(await header(1, silent), recent);
  assertEquals(await header(1, silent), `${recent}, as of HH:30:00`);
});

test("who left in a gap is not here, who came is", async ({ broker, keep, wait }) => {
  // It keeps two notices; who came before is in `here`.
  await keep({ keep: 8 });
  const { room, sim } = await openReader(broker);
  const bob = await openReader(broker, { name: "Bob" });
  await wait(3_000);
  sim.cut();
  await openReader(broker, { name: "Cy" });
  const notice = timeoutNotice("me");
  broker.say("", { type: "notice", from: "me", notice });
  await bob.room.presence.leave();
  await wait(5_000);
  sim.back();
  await wait(15_000);
  const states = room.roster.list().map(({ name, state }) =>
    `${name} ${state}`
  );
  // Our own will is no member.
  const all = "Bob left, Cy here, Keeper here, me here";
  assertEquals(states.sort().join(", "), all);
});

test("an unsealed copy hides no message of a history", async () => {
  const { broker, keep, wait } = openRoom("s");
  await keep();
  const payload = { type: "message", from: "Python", message: "hi" };
  const sealed = { topic: ROOM, text: JSON.stringify(payload), secret: "s" };
  broker.publish(sealed);
  await wait(2_000);
  const { lines, sim } = await openReader(broker, { secret: "s" });
  for (const isGap of [false, true]) {
    broker.say("hi");
    if (isGap) {
      sim.cut();
      broker.publish(sealed);
      await wait(2_000);
      sim.back();
    }
    await wait(3_000);
    const texts = lines.splice(0).filter((line) => line.includes("Python: hi"));
    assertEquals(texts.sort(), ["(unsealed) Python: hi", "Python: hi"]);
  }
});

test("a loss is not looked up without a connection", async ({ broker, keep, say, wait }) => {
  await keep();
  const { lines, sim } = await openReader(broker);
  await say();
  sim.drops = () => true;
  await say(1, 0);
  sim.drops = () => false;
  await say(1, 0);
  sim.online = false;
  await wait(3_000);
  assertEquals(lines.at(-1), "== 1 message of Ada did not arrive.");
});

test("of the last 2,048 messages none is shown again", async () => {
  for (const count of [2_048, 2_049]) {
    const { broker, wait } = openRoom();
    const { lines, sim } = await openReader(broker);
    await wait(1_000);
    for (let i = 0; i < count; i++) broker.say(`${i}`);
    for (let i = 0; i < count; i++) broker.say("", { id: `${i}` });
    lines.length = 0;
    sim.cut();
    sim.back();
    await wait(0);
    const { id } = JSON.parse(broker.sent.at(-1)!.text);
    const base = { type: "message", from: "Python" };
    broker.put({
      ...{ type: "history", from: "x", heard: [id], whole: 1 },
      messages: [{ ...base, message: "0" }, { ...base, message: "", id: "0" }],
    });
    await wait(12_000);
    const known = ["== Nothing is missing.", OWN_JOIN];
    const shown = ["== 1 message of that time follows; others may be missing."];
    assertEquals(
      lines.map((line) => line.replace(GAP, "== ")),
      count === 2_048 ? known : [...shown, "Python: 0", OWN_JOIN],
    );
  }
});

test("a history that is sealed, unsealed, malformed or barred says so", async () => {
  const wire = { type: "history", from: "a", messages: [] };
  const cases: [wire: unknown, sentence: string, secret?: string][] = [
    [{ sealed: "AAAA" }, "is sealed (--secret-file FILE opens it)"],
    [wire, "is not sealed; it is not shown", "s"],
    [{ ...wire, messages: 5 }, "can't be read"],
  ];
  for (const [wire, sentence, secret] of cases) {
    const { broker, wait } = openRoom();
    broker.put(wire);
    const { lines } = await openReader(broker, { secret });
    await wait(3_000);
    assertEquals(lines[0], `== What is kept of this room ${sentence}.`);
  }
  const { broker, wait } = openRoom();
  const mayRead = (topic: string) => topic === ROOM;
  const { lines } = await openReader(broker, { tellsNone: true, mayRead });
  await wait(0);
  assertEquals(lines[0], "== This room keeps no history.");
});

test("at most 1,000 messages are held back, and none after the end", async ({ broker, say }) => {
  const { lines, room } = await openReader(broker);
  await say(998, 0);
  assertEquals(lines.length, 0);
  await say(1, 0);
  assertEquals(lines.length, 1_000);
  const other = await openReader(broker, { announce: false });
  await say(1, 0);
  for (const one of [room, other.room]) one.stop();
  assertEquals(other.lines, ["Ada: Ada 1000"]);
  await broker.clock.advance(0);
  assertEquals(broker.clock.nextIn, undefined);
});

test("several histories together show at most N messages; one may be two seconds older", async ({ broker, wait }) => {
  const put = (at: number, ...texts: string[]) => {
    const messages = texts.map((message) => ({
      ...{ type: "message", from: "Ada", message, id: message },
    }));
    const time = new Date(now + at).toJSON();
    broker.put({ type: "history", from: "x", at: time, messages });
  };
  const now = broker.clock.wall();
  put(0, "Ada 1", "Ada 2");
  const options = { announce: false, history: 3 };
  const { lines, warnings } = await openReader(broker, options);
  await wait(600);
  put(-2_000, "Ada 3", "Ada 4");
  await wait(100);
  assertEquals(lines, [
    "== 2 messages from before you came",
    ...["Ada: Ada 1", "Ada: Ada 2", "== now"],
    ...["== 1 message from before you came", "Ada: Ada 4", "== now"],
  ]);
  assertEquals(warnings.length, 0);
  put(-2_001);
  assertEquals(warnings.length, 1);
});
