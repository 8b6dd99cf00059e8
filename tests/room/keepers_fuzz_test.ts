/**
 * Keepers that are killed and restarted, a reader that is cut off, clocks that
 * differ by days, old histories that come back.
 */

import { assert, assertEquals } from "@std/assert";
import { Random } from "../support/random.ts";
import { openKeeper, openReader, SimBroker, speaker } from "../support/sim.ts";

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
  const ahead = () => random.below(2 * DAY) - DAY;
  const keepers: Awaited<ReturnType<typeof openKeeper>>[] = [];
  const startKeeper = async (number: number) => {
    keepers[number]?.sim.kill();
    keepers[number] = await openKeeper(broker, {
      ...{ name: `keeper ${number}`, ahead: ahead() },
      keep: random.one([1, 100, 500, 500]),
      announce: random.chance(0.7),
      hasNoLocal: random.chance(0.7),
    });
  };
  for (const number of [0, 1, 2]) await startKeeper(number);
  const { lines, sim: reader } = await openReader(broker, { ahead: ahead() });
  const speakers = ["Ada", "Bob", "Cy"].map((name) => ({
    ...{ name, count: 0, send: speaker(broker, name) },
  }));
  /** What was said in the last gap, and what of it a claim is wrong about. */
  let gap: string[] = [];
  const wrong: string[] = [];
  lines.push = (line: string) => {
    lines[lines.length] = line;
    if (/othing (of that time )?is missing/.test(line)) {
      const said = gap;
      // What was fetched follows the claim.
      queueMicrotask(() => {
        const shown = new Set(lines.map(unsent));
        wrong.push(...said.filter((text) => !shown.has(text)));
      });
    }
    return lines.length;
  };
  const say = async (one: typeof speakers[number]) => {
    const text = `${one.name}: ${one.name} ${++one.count}`;
    if (!reader.online) gap.push(text);
    await one.send();
  };
  const stir = async () => {
    if (random.chance(0.04)) {
      if (reader.online) gap = [];
      if (reader.online) reader.cut();
      else reader.back();
    }
    const isDropping = random.chance(0.01);
    reader.drops = () => isDropping && random.chance(0.3);
    const number = random.below(3);
    const { sim } = keepers[number];
    if (random.chance(0.01)) await (sim.online ? sim.cut() : sim.back());
    if (random.chance(0.005)) await startKeeper(number);
    const old = random.one(broker.histories)?.text;
    if (random.chance(0.01)) broker.put(random.one([old, "rubbish"]));
  };

  for (const one of speakers) await say(one);
  for (let said = 0; said < MESSAGES; said++) {
    if (said % 5 === 0) await stir();
    if (random.chance(0.8)) await say(random.one(speakers));
    else broker.say(`plain ${said}`);
    if (random.chance(0.2)) await broker.clock.advance(random.below(400));
  }
  // It comes back, and each speaker is heard once more.
  if (!reader.online) reader.back();
  reader.drops = () => false;
  await broker.clock.advance(15_000);
  for (const one of [...speakers, ...speakers]) await say(one);
  await broker.clock.advance(30_000);

  assertEquals(wrong, [], `seed ${seed}`);
  for (const { name, count } of speakers) {
    const report = new RegExp(`^== ([\\d,]+) messages? of ${name} did not`);
    const message = new RegExp(`^${name}: ${name} (\\d+)$`);
    const shown = new Set<number>();
    let [lost, late, highest] = [0, 0, 0];
    for (const line of lines) {
      lost += Number(report.exec(line)?.[1].replaceAll(",", "") ?? 0);
      // Where the reader's clock is ahead, what comes live seems to be late.
      const number = Number(message.exec(unsent(line))?.[1] ?? 0);
      if (number === 0) continue;
      assert(!shown.has(number), `seed ${seed}: ${line} comes twice`);
      shown.add(number);
      // A keeper that comes back may have what was reported as lost.
      if (lost > 0 && number < highest) late++;
      highest = Math.max(highest, number);
    }
    const where = `seed ${seed}: ${name} ${shown.size} + ${lost} of ${count}`;
    assert(shown.size + lost >= count, where);
    assert(shown.size + lost <= count + late, `${where}, ${late} late`);
  }
});
