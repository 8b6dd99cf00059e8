/**
 * Keepers that are killed and restarted, readers that are cut off, clocks that
 * differ by days, forged histories: what is shown and reported is what was sent,
 * and no claim is wrong.
 */

import { assert, assertEquals } from "@std/assert";
import { Signer } from "../../lib/client.ts";
import { Random } from "../support/random.ts";
import {
  openKeeper,
  openReader,
  ROOM,
  SimBroker,
  SimClient,
} from "../support/sim.ts";

const MESSAGES = 10_000;
const DAY = 86_400_000;

/** A line without the time at which it was sent. */
const unsent = (line: string) => line.replace(/^\(sent [^)]*\) /, "");

Deno.test("fuzz: shown and reported is sent, and no claim is wrong", async () => {
  // `deno test … -- SEED` runs one again.
  const seed = Number(
    Deno.args[0] ?? crypto.getRandomValues(new Uint32Array(1))[0],
  );
  console.log(`seed ${seed}`);
  const random = new Random(seed);
  const broker = new SimBroker();
  const { clock } = broker;
  const ahead = () => random.below(2 * DAY) - DAY;
  let said = 0;
  const names = ["Ada", "Bob", "Cy"];
  const speakers = names.map((name) => {
    const signer = name === "Ada" ? Signer.generate() : undefined;
    return { name, sim: new SimClient(broker, { signer }), count: 0 };
  });
  /** What was said in the last gap of each reader. */
  const gaps = new Map<number, string[]>();

  const startKeeper = (number: number) =>
    openKeeper(broker, {
      ...{ name: `keeper ${number}`, ahead: ahead() },
      keep: random.one([1, 100, 500, 500]),
      announce: random.chance(0.7),
      hasNoLocal: random.chance(0.7),
    });
  const keepers = [await startKeeper(0)];
  const readers: Awaited<ReturnType<typeof openReader>>[] = [];
  /** What was said, but not shown, in a gap that has all by a claim. */
  const wrong: string[] = [];
  let claims = 0;
  for (let i = 0; i < 2; i++) {
    const name = `reader ${i}`;
    const reader = await openReader(broker, { name, ahead: ahead() });
    const { lines } = reader;
    lines.push = (line: string) => {
      lines[lines.length] = line;
      if (/othing (of that time )?is missing/.test(line)) {
        claims++;
        const said = gaps.get(i)!;
        // What was fetched follows the claim.
        queueMicrotask(() => {
          const shown = new Set(lines.map(unsent));
          wrong.push(...said.filter((text) => !shown.has(text)));
        });
      }
      return lines.length;
    };
    readers.push(reader);
  }

  const say = async (index = random.below(4)) => {
    const speaker = speakers[index];
    said++;
    const message = `m${said}`;
    const name = speaker?.name ?? "Python";
    for (const [i, gap] of gaps) {
      if (!readers[i].sim.online) gap.push(`${name}: ${message}`);
    }
    if (speaker === undefined) return broker.say(message);
    speaker.count++;
    await speaker.sim.send(ROOM, { type: "message", from: name, message });
  };
  const forge = () => {
    const at = new Date(clock.wall() + ahead()).toISOString();
    const messages = Array.from({ length: random.below(20) }, (_, i) => ({
      ...{ type: "message", from: "Eve", message: `forged ${said} ${i}` },
      ...random.chance(0.5) && { id: `forged-by-eve-1234-${said + i}` },
    }));
    const wire = { type: "history", from: "Eve", at, messages };
    const whole = messages.length;
    broker.put(random.one<unknown>([
      ...["", "rubbish", '{"sealed":"AAAA"}', { ...wire, whole }],
      { ...wire, whole, heard: ["a"], here: [["Eve", 5]] },
      random.one(broker.histories)?.text ?? "",
    ]));
  };
  const toggle = (i: number) => {
    const { sim } = readers[i];
    if (!sim.online) return sim.back();
    gaps.set(i, []);
    sim.cut();
  };
  const stir = async () => {
    if (random.chance(0.02)) toggle(random.below(readers.length));
    for (const { sim } of readers) {
      const isDropping = random.chance(0.01);
      sim.drops = () => isDropping && random.chance(0.3);
    }
    if (random.chance(0.01)) {
      const { sim } = random.one(keepers);
      if (sim.online) sim.cut();
      else if (broker.clients.has(sim)) sim.back();
    }
    if (random.chance(0.005)) {
      const number = random.below(Math.min(3, keepers.length + 1));
      keepers[number]?.sim.kill();
      keepers[number] = await startKeeper(number);
    }
    if (random.chance(0.01)) forge();
  };

  for (const index of [0, 1, 2]) await say(index);
  while (said < MESSAGES) {
    await stir();
    for (let n = random.below(10); n > 0; n--) await say();
    await clock.advance(random.below(400));
  }
  // All come back, and each speaker is heard once more.
  for (const { sim } of readers) {
    if (!sim.online) sim.back();
    sim.drops = () => false;
  }
  await clock.advance(15_000);
  for (const index of [0, 1, 2, 0, 1, 2]) await say(index);
  await clock.advance(30_000);

  assertEquals(wrong, [], `seed ${seed}`);
  for (const { lines } of readers) {
    for (const { name, count } of speakers) {
      const { shown, doubled, lost, late } = tally(lines, name);
      const where = `seed ${seed}: ${name} ${shown} + ${lost} of ${count}, ` +
        `${late} late`;
      assertEquals(doubled, 0, `${where}: doubled`);
      assert(shown + lost >= count, where);
      assert(shown + lost <= count + late, where);
    }
  }
  console.log(`${claims} claims that nothing is missing, all right`);
});

/** What a reader shows of an author, and reports as lost. */
function tally(lines: string[], name: string) {
  const shown = new Set<number>();
  const report = new RegExp(
    `^== ([\\d,]+) messages? of ${name} did not arrive`,
  );
  let [lost, doubled, late, highest] = [0, 0, 0, 0];
  for (const line of lines) {
    lost += Number(report.exec(line)?.[1].replaceAll(",", "") ?? 0);
    // Where the reader's clock is ahead, what comes live seems to be late.
    const text = unsent(line);
    if (!text.startsWith(`${name}: m`)) continue;
    const number = Number(text.slice(`${name}: m`.length));
    if (shown.has(number)) doubled++;
    shown.add(number);
    // A keeper that comes back may have what was reported as lost.
    if (lost > 0 && number < highest) late++;
    highest = Math.max(highest, number);
  }
  return { shown: shown.size, doubled, lost, late };
}
