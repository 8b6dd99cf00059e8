import { assert, assertEquals } from "@std/assert";
import { Ignored } from "../../lib/room/ignored.ts";
import { joinNotice, type QoS } from "../../lib/protocol.ts";
import { whoLines } from "../../lib/room/members.ts";
import { pureTests } from "../support/pure.ts";
import {
  HISTORY,
  openKeeper,
  openReader,
  ROOM,
  SimBroker,
  speaker,
  upTo as textsUpTo,
} from "../support/sim.ts";

const test = pureTests("catching up", () => new SimBroker());

const OWN_JOIN = `-- ${joinNotice("me", ROOM)}`;
const GAP = /^== Connected to a:1883 after \d+\.\d s without a connection\. /;

/** The lines of Ada up to a number, as they are shown. */
const upTo = (last: number, first = 1) =>
  textsUpTo(last, first).map((text) => `Ada: ${text}`);

/** A kept room in which Ada has said some lines, and a reader. */
async function begin(
  { lines = 3, keep = 100, keeperQos, ...options }:
    & { lines?: number; keep?: number; keeperQos?: QoS }
    & Parameters<typeof openReader>[1] = {},
) {
  const broker = new SimBroker();
  const { clock } = broker;
  const keeper = await openKeeper(broker, {
    ...{ keep, ahead: options.ahead, qos: keeperQos },
  });
  const say = speaker(broker);
  await say(lines);
  await clock.advance(3_000);
  const reader = await openReader(broker, options);
  await clock.advance(3_000);
  /** What the reader shows of a gap in which something happens. */
  const gap = async (during: () => unknown, patience = 15_000) => {
    reader.lines.length = 0;
    reader.sim.cut();
    await during();
    await clock.advance(5_000);
    reader.sim.back();
    await clock.advance(patience);
    return reader.lines.map((line) => line.replace(GAP, "== "));
  };
  return { broker, clock, keeper, say, ...reader, gap };
}

test("the history is shown before live messages", async () => {
  const { lines, say } = await begin();
  await say(1);
  assertEquals(lines, [
    "== 3 messages from before you came",
    ...upTo(3),
    "== now",
    OWN_JOIN,
    "Ada: Ada 4",
  ]);
});

test("the last N messages are shown, up to the reader's join", async (broker) => {
  await openKeeper(broker);
  const say = speaker(broker);
  await say(10);
  await broker.clock.advance(3_000);
  await say(2);
  const { lines } = await openReader(broker, { history: 5 });
  await broker.clock.advance(3_000);
  assertEquals(lines, [
    "== 5 messages from before you came",
    ...upTo(12, 8),
    "== now",
    OWN_JOIN,
  ]);
});

test("what comes while the history is awaited is no earlier than its end", async (broker) => {
  const { sim } = await openKeeper(broker);
  const say = speaker(broker);
  await say(3);
  await broker.clock.advance(3_000);
  sim.kill();
  // To the last tenth of a second.
  await broker.clock.advance(999 - broker.clock.wall() % 1_000 - 100);
  const { lines, times } = await openReader(broker, { latency: 400 });
  await say(1);
  await broker.clock.advance(3_000);
  assertEquals(lines.slice(-3), ["== now", OWN_JOIN, "Ada: Ada 4"]);
  const [now, join] = times.slice(-3);
  assertEquals(now, join);
  assert(times[0] <= now, times.join());
});

test("authors of a shown history are in the roster, with their times", async (broker) => {
  await openKeeper(broker, { announce: false });
  await speaker(broker)(1);
  await broker.clock.advance(600_000);
  const { room } = await openReader(broker);
  await broker.clock.advance(1_000);
  const now = new Date(broker.clock.wall());
  const seen = room.roster.list();
  const [, , ada] = whoLines(seen, now, new Ignored(), () => []);
  assertEquals(ada.replace(/\d\d:/, ""), "  Ada, wrote 30:00");
});

for (const announce of [true, false]) {
  for (const latency of [400, 3_000, 40_000]) {
    test(`a history that takes ${latency} ms is marked (announced: ${announce})`, async (broker) => {
      const { sim } = await openKeeper(broker);
      const say = speaker(broker);
      await say(3);
      await broker.clock.advance(3_000);
      sim.kill();
      const options = { latency, history: 2, announce };
      const { lines } = await openReader(broker, options);
      await broker.clock.advance(600);
      await say(1);
      await broker.clock.advance(60_000);
      const history = [
        "== 2 messages from before you came",
        ...["Ada: Ada 2", "Ada: Ada 3", "== now"],
      ];
      const live = [...announce ? [OWN_JOIN] : [], "Ada: Ada 4"];
      assertEquals(
        lines.map((line) => line.replace(/, as of .*/, "")),
        latency < 500 ? [...history, ...live] : [...live, ...history],
      );
    });
  }
}

test("after a cleared history at most N messages are shown, marked", async (broker) => {
  await openKeeper(broker);
  await speaker(broker)(60);
  await broker.clock.advance(3_000);
  for (const wire of ["", '{"type":"history","from":"x","messages":[]}']) {
    broker.put(wire);
    const { lines } = await openReader(broker, { history: 5 });
    await broker.clock.advance(3_000);
    assertEquals(lines, [
      "== 5 messages from before you came",
      ...upTo(60, 56),
      "== now",
      OWN_JOIN,
    ]);
  }
});

test("a room without a keeper says so once, if asked", async () => {
  for (const tellsNone of [true, false]) {
    const broker = new SimBroker();
    const { lines } = await openReader(broker, { tellsNone });
    await broker.clock.advance(600);
    assertEquals(lines, [OWN_JOIN]);
    await broker.clock.advance(60_000);
    assertEquals(
      lines.slice(1),
      tellsNone ? ["== This room keeps no history."] : [],
    );
  }
});

test("a history of a dead keeper says until when", async (broker) => {
  const { sim } = await openKeeper(broker);
  await speaker(broker)(1);
  await broker.clock.advance(1_000);
  sim.kill();
  await broker.clock.advance(3_600_000);
  const { lines } = await openReader(broker);
  await broker.clock.advance(3_000);
  assertEquals(
    lines[0].replace(/\d\d:30/, "HH:30"),
    "== 1 message from before you came, as of HH:30:00",
  );
});

test("a live keeper's history says nothing of a time", async (broker) => {
  await openKeeper(broker);
  await speaker(broker)(1);
  await broker.clock.advance(3_600_000);
  const { lines } = await openReader(broker);
  await broker.clock.advance(3_000);
  assertEquals(lines[0], "== 1 message from before you came");
});

test("ignored authors are left out of each part of a history", async () => {
  const ignored = new Ignored(["Bob"]);
  const broker = new SimBroker();
  await openKeeper(broker);
  const [ada, bob] = [speaker(broker), speaker(broker, "Bob")];
  await Promise.all([ada(1), bob(1)]);
  await broker.clock.advance(3_000);
  const { lines, sim } = await openReader(broker, { ignored });
  await broker.clock.advance(3_000);
  sim.cut();
  await Promise.all([ada(1), bob(1)]);
  await broker.clock.advance(3_000);
  sim.back();
  await broker.clock.advance(3_000);
  assertEquals(lines.filter((line) => line.includes("Bob")), []);
  assertEquals(lines.filter((line) => line.startsWith("Ada")), upTo(2));
  assert(lines.some((line) => line.includes("1 message of that time follows")));
});

test("missed messages follow the gap, live messages follow them", async () => {
  const { gap, say } = await begin({ lines: 1 });
  const shown = await gap(async () => {
    await say(2);
  }, 3_000);
  assertEquals(shown.slice(0, 3), [
    "== 2 messages of that time follow; nothing is missing.",
    "Ada: Ada 2",
    "Ada: Ada 3",
  ]);
});

type Scene = Awaited<ReturnType<typeof begin>>;

const follow = (count: number, rest = "others may be missing") =>
  `== ${count} message${count > 1 ? "s" : ""} of that time ` +
  `follow${count > 1 ? "" : "s"}; ${rest}.`;

/** What happens in a gap, and what is said of it. */
const GAPS: [
  title: string,
  options: Parameters<typeof begin>[0],
  during: (scene: Scene) => unknown,
  line: string,
][] = [
  ["a quiet one", {}, () => {}, "== Nothing is missing."],
  ["a quiet one, --keep 1", { keep: 1 }, () => {}, "== Nothing is missing."],
  ["more than is kept", { keep: 5 }, ({ say }) => say(40), follow(5)],
  ["more than is kept, --keep 1", { keep: 1 }, ({ say }) => say(3), follow(1)],
  [
    "a reader that does not announce itself",
    { announce: false },
    ({ say }) => say(2),
    follow(2),
  ],
  [
    "a reader that may not write",
    { mayWrite: () => false },
    ({ say }) => say(2),
    follow(2),
  ],
  ["a keeper at QoS 0", { keeperQos: 0 }, ({ say }) => say(2), follow(2)],
  [
    "a keeper that is away in it, too",
    {},
    async ({ keeper, say, clock }) => {
      keeper.sim.cut();
      await say(5);
      await clock.advance(1_000);
      keeper.sim.back();
      await say(1);
    },
    follow(1),
  ],
];

for (const [title, options, during, line] of GAPS) {
  test(`what is said of a gap: ${title}`, async () => {
    const scene = await begin(options);
    await scene.say(1);
    const shown = await scene.gap(() => during(scene));
    assertEquals(shown[0], line);
  });
}

test("a dead keeper's history claims nothing", async () => {
  const { gap, keeper, say } = await begin();
  keeper.sim.kill();
  await say(1);
  const shown = await gap(() => say(10));
  assertEquals(shown, ["== Messages may be missing here.", OWN_JOIN]);
});

test("the history of an earlier gap says nothing of the next", async () => {
  const { gap, keeper, broker, say, sim, lines, clock } = await begin();
  await gap(() => say(1));
  keeper.sim.kill();
  broker.retained.delete(HISTORY);
  lines.length = 0;
  sim.cut();
  sim.back(true);
  await clock.advance(3_000);
  assertEquals(
    lines[0].replace(GAP, "== "),
    "== Only what was sent at QoS 1 or 2 was kept.",
  );
});

test("a keeper that comes back after the reader is waited for", async () => {
  const { gap, keeper, say, clock } = await begin();
  const other = async () => {
    await say(2);
    keeper.sim.cut();
    await say(3);
    clock.after(10_000, async () => {
      keeper.sim.back();
      await say(1);
    });
  };
  const shown = await gap(other);
  assertEquals(shown.filter((line) => line.includes("nothing is")), []);
  assert(
    shown.some((line) => /others may be missing|may be missing/.test(line)),
  );
  // Ada 9 came live.
  assertEquals(shown.filter((line) => line === "Ada: Ada 9").length, 1);
});

test("a loss looked up meanwhile does not end the wait for a keeper", async () => {
  const { gap, keeper, say, clock, sim } = await begin();
  const shown = await gap(async () => {
    await say(2);
    keeper.sim.cut();
    clock.after(5_100, async () => {
      sim.drops = () => true;
      await say(1);
      sim.drops = () => false;
      await say(1);
    });
    clock.after(10_000, async () => {
      keeper.sim.back();
      await say(1);
    });
  });
  assertEquals(
    shown.filter((line) => /^Ada: Ada [45]$/.test(line)),
    upTo(5, 4),
  );
});

test("a keeper that began after the reader has what it missed", async (broker) => {
  const { lines, sim } = await openReader(broker);
  await broker.clock.advance(60_000);
  await openKeeper(broker);
  const say = speaker(broker);
  await say(2);
  await broker.clock.advance(3_000);
  sim.cut();
  await say(2);
  await broker.clock.advance(3_000);
  lines.length = 0;
  sim.back();
  await broker.clock.advance(15_000);
  assertEquals(lines.map((line) => line.replace(GAP, "== ")).slice(0, 3), [
    "== 2 messages of that time follow; nothing is missing.",
    "Ada: Ada 3",
    "Ada: Ada 4",
  ]);
});

test("an older history than one seen is ignored, and reported once", async () => {
  const { broker, gap, say, warnings, clock } = await begin();
  const old = broker.retained.get(HISTORY)!;
  await say(1);
  await clock.advance(5_000);
  await gap(() => {});
  const shown = await gap(async () => {
    await say(1);
    await clock.advance(4_000);
    [...broker.clients][0].cut();
    broker.publish(old, 1, true);
  });
  assertEquals(shown[0], "== Messages may be missing here.");
  assertEquals(warnings, [
    "The history of chat/room was replaced by an older one, which is ignored.",
  ]);
});

test("a member who left in the gap is not here", async () => {
  const { gap, broker, room, clock } = await begin();
  const bob = await openReader(broker, { name: "Bob" });
  await clock.advance(1_000);
  await gap(() => bob.room.presence.leave());
  assertEquals(
    room.roster.list().find(({ name }) => name === "Bob")?.state,
    "left",
  );
});

test("a history that is sealed, unsealed or malformed says so", async () => {
  const cases: [wire: string, secret: string | undefined, sentence: string][] =
    [
      ['{"sealed":"AAAA"}', undefined, "sealed (--secret-file FILE opens it)"],
      [
        '{"type":"history","from":"a","messages":[]}',
        "s",
        "not sealed; it is not shown",
      ],
    ];
  for (const [wire, secret, sentence] of cases) {
    const broker = new SimBroker();
    broker.put(wire);
    const { lines } = await openReader(broker, { secret });
    await broker.clock.advance(3_000);
    assertEquals(lines[0], `== What is kept of this room is ${sentence}.`);
  }
  const broker = new SimBroker();
  broker.put('{"type":"history","from":"a","messages":5}');
  const { lines } = await openReader(broker);
  await broker.clock.advance(3_000);
  assertEquals(lines[0], "== What is kept of this room can't be read.");
});

test("missing messages are fetched before they are reported", async () => {
  const { say, sim, lines, clock } = await begin();
  lines.length = 0;
  sim.drops = () => true;
  await say(2);
  sim.drops = () => false;
  await say(1);
  await clock.advance(10_000);
  assertEquals(lines, ["Ada: Ada 6", "Ada: Ada 4", "Ada: Ada 5"]);
});

test("at most 1,000 messages are held back", async (broker) => {
  const { lines } = await openReader(broker);
  await speaker(broker)(1_001);
  assertEquals(lines.length, 1_002);
});

test("the end releases messages and cancels timers", async (broker) => {
  const { lines, room } = await openReader(broker, { announce: false });
  await speaker(broker)(1);
  room.stop();
  assertEquals(lines, ["Ada: Ada 1"]);
  await broker.clock.advance(0);
  assertEquals(broker.clock.nextIn, undefined);
});

test("a second lost connection releases messages", async () => {
  const { lines, sim, say } = await begin();
  sim.cut();
  sim.back();
  lines.length = 0;
  await say(1);
  sim.cut();
  assert(GAP.test(lines[0]), lines[0]);
  assertEquals(lines.slice(1), [OWN_JOIN, "Ada: Ada 4"]);
});

test("no history is read for several rooms, or with --history 0", async () => {
  for (const options of [{ history: 0 }, { topics: [ROOM, "chat/hall"] }]) {
    const broker = new SimBroker();
    await openKeeper(broker);
    await speaker(broker)(1);
    await broker.clock.advance(3_000);
    const { lines } = await openReader(broker, options);
    await broker.clock.advance(3_000);
    assertEquals(lines, [OWN_JOIN]);
  }
});

test("several histories together show at most N messages", async (broker) => {
  const history = (...texts: string[]) => ({
    ...{ type: "history", from: "x" },
    messages: texts.map((message) => ({
      ...{ type: "message", from: "Ada", message, id: message },
    })),
  });
  broker.put(history("1", "2", "3"));
  const options = { announce: false, history: 2 };
  const { lines } = await openReader(broker, options);
  await broker.clock.advance(600);
  broker.put(history("4", "5", "6"));
  await broker.clock.advance(3_000);
  assertEquals(lines, [
    "== 2 messages from before you came",
    ...["Ada: 2", "Ada: 3"],
    "== now",
  ]);
});
