/** The recipes of docs/scripts.md, run as they are written. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { RunningBroker } from "../../lib/broker/broker.ts";
import { hostOf } from "../support/brokers.ts";
import { gate, isInstalled } from "../support/gates.ts";
import { page } from "../support/markdown.ts";
import { becomesTrue } from "../support/patience.ts";
import { nextPayload, type Peer, roomTests, said } from "../support/peers.ts";
import { type Process, ROOT, spawn } from "../support/processes.ts";

const PAGE = page("docs/scripts.md").text;

/** A folder where a recipe runs, with the commands that it needs. */
class Kitchen implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly #host: string;
  readonly #started: Process[] = [];
  /** The first code block below a heading. */
  readonly recipe: string;
  readonly peer: Peer;
  readonly path = `${this.#folder}/bin:/usr/bin:/bin`;

  constructor(heading: string, broker: RunningBroker, peer: Peer) {
    const [, section = ""] = PAGE.split(`\n## ${heading}\n`);
    this.recipe = /^```\w*\n([^]*?)^```$/m.exec(section)![1];
    this.peer = peer;
    this.#host = hostOf(broker);
    Deno.mkdirSync(`${this.#folder}/bin`);
    for (const script of ["listener", "publisher"]) {
      const path = new URL(`${script}.ts`, ROOT).pathname;
      const deno = `${Deno.execPath()} run --quiet --no-prompt -N`;
      const command = `exec ${deno} ${path} -h ${this.#host} "$@"`;
      this.add(`bin/mqtt-${script}`, command);
    }
  }

  /** Adds a program. */
  add(name: string, code: string): void {
    this.write(name, `#!/bin/sh\n${code}\n`);
    Deno.chmodSync(`${this.#folder}/${name}`, 0o755);
  }

  /** Starts a shell with the recipe, or what a test makes of it. */
  start(code = this.recipe, ...args: string[]): Process {
    const shell = ["-c", code, "recipe", ...args];
    const options = { cwd: this.#folder, env: { PATH: this.path } };
    this.#started.push(spawn("sh", shell, options));
    return this.#started.at(-1)!;
  }

  write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.#folder}/${name}`, text);
  }

  async read(name: string): Promise<string> {
    return await Deno.readTextFile(`${this.#folder}/${name}`).catch(() => "");
  }

  /** The next message of the recipe's. */
  async hear(): Promise<string> {
    for (;;) {
      const { from, message } = await nextPayload(this.peer);
      if (message !== undefined && from !== "ann") return `${from}: ${message}`;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A listener outlives its shell.
    const args = ["-f", `listener.ts -h ${this.#host} `];
    await new Deno.Command("pkill", { args }).output();
    for (const process of this.#started) await process[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Registers a test of the recipe below a heading. */
function recipe(
  heading: string,
  topic: string,
  play: (kitchen: Kitchen) => Promise<void>,
  program = "sh",
): void {
  const isThere = program === "sh" || isInstalled(program, "--version");
  const missing = isThere ? undefined : `${program} is not installed`;
  roomTests("recipes", gate(missing))(heading, async ({ broker, peer }) => {
    await using kitchen = new Kitchen(heading, broker, peer);
    await play(kitchen);
  }, [topic]);
}

recipe("Notify from a build", "chat/build", async (kitchen) => {
  const fails = "echo error; echo; echo '  at line 7' >&2; exit 1";
  for (
    const [build, message] of [
      ["echo fine", "The build is green."],
      [fails, "error\n\n  at line 7"],
    ]
  ) {
    kitchen.add("build", build);
    const process = kitchen.start();
    assertEquals(await kitchen.hear(), `build: ${message}`);
    assertEquals((await process.outcome()).code, 0);
  }
});

recipe("Wait for an approval", "chat/ops", async (kitchen) => {
  const { peer } = kitchen;
  for (
    const [reply, outcome] of [
      ["deploy yes", "released: "],
      ["deploy: no!", "refused: "],
      [undefined, "no answer, code 6"],
    ]
  ) {
    const patience = reply === undefined ? "-W 0.5" : "-W 600";
    const code = kitchen.recipe.replace("-W 600", patience);
    const process = kitchen.start(code);
    assertMatch(await kitchen.hear(), /^deploy: Release\?/);
    // The answer is there before the listener is.
    if (reply) await peer.publish("chat/ops", said("anything else"));
    if (reply) await peer.publish("chat/ops", said(reply));
    const { stdout } = await process.outcome();
    const shown = stdout.trim().split("\n").at(-1)!;
    assertEquals(
      shown.replace(/[\d:]{8} (\(sent .*\) )?/, ""),
      reply === undefined ? outcome : `${outcome}ann: ${reply}`,
    );
  }
});

recipe("Request and reply", "chat/sums", async (kitchen) => {
  kitchen.start();
  await kitchen.peer.next(); // its join notice
  await kitchen.peer.publish("chat/sums", said("sums: 17 and 4?", "ada"));
  const heard = [await kitchen.hear(), await kitchen.hear()];
  assertEquals(heard, ["ada: sums: 17 and 4?", "sums: ada: 21"]);
}, "jq");

recipe("A worker that loses nothing", "none", async (kitchen) => {
  const { peer } = kitchen;
  const topic = "chat/jobs";
  // Work that stops at the second job, the first time.
  kitchen.add(
    "work",
    "job=$(cat)\ncase $job in *two*) [ -e stop ] && rm stop && exit 1;; esac\n" +
      "printf '%s\\n' \"$job\" >> done",
  );
  kitchen.write("stop", "");
  const worker = kitchen.start();
  // It has a session once a job arrives.
  await becomesTrue(async () => {
    await peer.publish(topic, said("one"));
    return (await kitchen.read("done")).includes("\n");
  });
  await peer.publish(topic, said("two"));
  assertEquals((await worker.outcome()).code, 1);
  await peer.publish(topic, said("three"));
  kitchen.start();
  const isDone = async () => (await kitchen.read("done")).includes("three");
  assert(await becomesTrue(isDone));
  const texts = (await kitchen.read("done")).trim().split("\n")
    .map((line) => JSON.parse(line).text);
  assertEquals(texts.filter((text) => text !== "one"), ["two", "three"]);
});

recipe("A log", "chat/room", async (kitchen) => {
  const process = kitchen.start(`exec ${kitchen.recipe}`);
  await kitchen.peer.next();
  const assertLogged = async (text: string) => {
    await kitchen.peer.publish("chat/room", said(text));
    const isLogged = async () =>
      (await kitchen.read("room.log")).endsWith(`ann: ${text}\n`);
    assert(await becomesTrue(isLogged), text);
  };
  await assertLogged("before");
  // As logrotate's copytruncate: no NULs stand for what was cut.
  kitchen.write("room.log", "");
  await assertLogged("after");
  assertMatch(await kitchen.read("room.log"), /^[\d:]{8} ann: after\n$/);
  await process.stop();
});

recipe("Cron", "chat/room", async (kitchen) => {
  const [path, line] = kitchen.recipe.split("\n");
  assertMatch(path, /^PATH=\S+$/);
  const command = line.split(" ").slice(5).join(" ");
  // Cron's environment has little more than this.
  const bare = `env -i HOME="$HOME" PATH="${kitchen.path}" sh -c "$1"`;
  const process = kitchen.start(bare, command);
  assertEquals((await process.outcome()).code, 0);
  assertEquals(await kitchen.hear(), "cron: Good morning.");
});

recipe("Two programs that talk", "chat/agents", async (kitchen) => {
  const { peer } = kitchen;
  const reply = "cat >/dev/null; [ $1 = Ada ] && echo Bob? || echo Ada?";
  kitchen.add("reply", reply);
  const ada = kitchen.start(kitchen.recipe, "Ada", "2");
  const bob = kitchen.start(kitchen.recipe, "Bob", "2");
  let areDone = false;
  const ended = Promise.all([ada.outcome(), bob.outcome()])
    .finally(() => areDone = true);
  // Each has its session once it answers, and they may end one after the other.
  await becomesTrue(async () => {
    for (const name of ["Ada", "Bob"]) {
      await peer.publish("chat/agents", said(`${name}?`));
    }
    return areDone;
  });
  assertEquals((await ended).map(({ code }) => code), [0, 0]);
  await peer.publish("chat/agents", said("end", "zoe"));
  const heard: string[] = [];
  while (heard.at(-1) !== "zoe: end") heard.push(await kitchen.hear());
  for (const turn of ["Ada: Bob?", "Bob: Ada?"]) {
    assertEquals(heard.filter((line) => line === turn).length, 2);
  }
}, "jq");

recipe("The end of a pipe", "chat/room", async (kitchen) => {
  const process = kitchen.start();
  await kitchen.peer.next();
  await kitchen.peer.publish("chat/room", said("yes"));
  const { code, stdout } = await process.outcome();
  assertMatch(`${code} ${stdout}`, /^0 [\d:]{8} ann: yes\n$/);
});
