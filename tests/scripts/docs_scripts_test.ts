/** The recipes of docs/scripts.md, run as they are written. */

import { assertEquals, assertMatch } from "@std/assert";
import { hostOf, openBroker } from "../support/brokers.ts";
import { gate, isInstalled } from "../support/gates.ts";
import { page } from "../support/markdown.ts";
import { becomesTrue } from "../support/patience.ts";
import { Peer, said } from "../support/peers.ts";
import { Process, ROOT } from "../support/processes.ts";

const PAGE = page("docs/scripts.md").text;

/** The first code block below a heading. */
function recipe(heading: string): string {
  const [, section = ""] = PAGE.split(`\n## ${heading}\n`);
  const [, code] = /^```\w*\n([^]*?)^```$/m.exec(section)!;
  return code;
}

/** A folder where a recipe runs, with the commands that it needs. */
class Kitchen implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();

  constructor(broker: { port: number }) {
    for (const script of ["listener", "publisher"]) {
      const path = new URL(`${script}.ts`, ROOT).pathname;
      const deno = `${Deno.execPath()} run --quiet --no-prompt -N`;
      this.add(
        `bin/mqtt-${script}`,
        `exec ${deno} ${path} -h ${hostOf(broker)} "$@"`,
      );
    }
  }

  /** Adds a program. */
  add(name: string, code: string): void {
    Deno.mkdirSync(`${this.folder}/bin`, { recursive: true });
    const path = `${this.folder}/${name}`;
    Deno.writeTextFileSync(path, `#!/bin/sh\n${code}\n`);
    Deno.chmodSync(path, 0o755);
  }

  get path(): string {
    return `${this.folder}/bin:/usr/bin:/bin`;
  }

  /** Starts a shell with a recipe. */
  start(code: string, ...args: string[]): Process {
    const child = new Deno.Command("sh", {
      args: ["-c", code, "recipe", ...args],
      cwd: this.folder,
      env: { NO_COLOR: "1", PATH: this.path },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Process(child, "a recipe");
  }

  async read(name: string): Promise<string> {
    return await Deno.readTextFile(`${this.folder}/${name}`).catch(() => "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The next message of another member, without notices. */
async function hear(peer: Peer): Promise<string> {
  for (;;) {
    const { from, message } = JSON.parse((await peer.next()).text);
    if (message !== undefined && from !== "ann") return `${from}: ${message}`;
  }
}

const withJq = gate(
  isInstalled("jq", "--version") ? undefined : "jq is not installed",
);

Deno.test("recipes: notify from a build", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/build");
  await using kitchen = new Kitchen(broker);
  for (
    const [build, message] of [
      ["echo fine", "The build is green."],
      [
        "echo error; echo; echo '  at line 7' >&2; exit 1",
        "error\n\n  at line 7",
      ],
    ]
  ) {
    kitchen.add("build", build);
    await using process = kitchen.start(recipe("Notify from a build"));
    assertEquals(await hear(peer), `build: ${message}`);
    assertEquals((await process.outcome()).code, 0);
  }
});

Deno.test("recipes: wait for an approval", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/ops");
  await using kitchen = new Kitchen(broker);
  const code = recipe("Wait for an approval");
  for (
    const [reply, outcome] of [
      ["deploy yes", "released: "],
      ["deploy: no!", "refused: "],
      [undefined, "no answer, code 6"],
    ]
  ) {
    const patience = reply === undefined ? "-W 0.5" : "-W 600";
    await using process = kitchen.start(code.replace("-W 600", patience));
    assertMatch(await hear(peer), /^deploy: Release\?/);
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

withJq("recipes: request and reply", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/sums");
  await using kitchen = new Kitchen(broker);
  await using process = kitchen.start(recipe("Request and reply"));
  await peer.next(); // its join notice
  await peer.publish("chat/sums", said("sums: 17 and 4?", "ada"));
  const heard = [await hear(peer), await hear(peer)];
  assertEquals(heard, ["ada: sums: 17 and 4?", "sums: ada: 21"]);
  process.signal("SIGKILL");
  await new Deno.Command("pkill", {
    args: ["-f", `listener.ts -h ${hostOf(broker)} `],
  }).output();
});

Deno.test("recipes: a worker that loses nothing over restarts", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await using kitchen = new Kitchen(broker);
  const code = recipe("A worker that loses nothing");
  const topic = "chat/jobs";
  // Work that stops at the second job, the first time.
  kitchen.add(
    "work",
    "job=$(cat)\ncase $job in *two*) [ -e stop ] && rm stop && exit 1;; esac\n" +
      "printf '%s\\n' \"$job\" >> done",
  );
  await Deno.writeTextFile(`${kitchen.folder}/stop`, "");
  const isDone = async (count: number) =>
    (await kitchen.read("done")).split("\n").length > count;
  {
    await using worker = kitchen.start(code);
    // It has a session once a job arrives.
    await becomesTrue(async () => {
      await peer.publish(topic, said("one"));
      return await isDone(1);
    });
    await peer.publish(topic, said("two"));
    assertEquals((await worker.outcome()).code, 1);
  }
  await peer.publish(topic, said("three"));
  await using worker = kitchen.start(code);
  const isAll = await becomesTrue(async () =>
    (await kitchen.read("done")).includes("three")
  );
  assertEquals(isAll, true);
  worker.signal("SIGKILL");
  await new Deno.Command("pkill", {
    args: ["-f", `listener.ts -h ${hostOf(broker)} `],
  }).output();
  const texts = (await kitchen.read("done")).trim().split("\n")
    .map((line) => JSON.parse(line).text);
  assertEquals(texts.filter((text) => text !== "one"), ["two", "three"]);
});

Deno.test("recipes: a log that is cut goes on without NULs", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/room");
  await using kitchen = new Kitchen(broker);
  const [code] = [recipe("A log")];
  await using process = kitchen.start(`exec ${code}`);
  await peer.next();
  const logged = async (text: string) => {
    await peer.publish("chat/room", said(text));
    return await becomesTrue(async () =>
      (await kitchen.read("room.log")).endsWith(`ann: ${text}\n`)
    );
  };
  assertEquals(await logged("before"), true);
  // As logrotate's copytruncate.
  await Deno.truncate(`${kitchen.folder}/room.log`);
  assertEquals(await logged("after"), true);
  assertMatch(await kitchen.read("room.log"), /^[\d:]{8} ann: after\n$/);
  process.signal("SIGTERM");
  await process.outcome();
});

Deno.test("recipes: cron", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/room");
  await using kitchen = new Kitchen(broker);
  const [path, line] = recipe("Cron").split("\n");
  assertMatch(path, /^PATH=\S+$/);
  const command = line.split(" ").slice(5).join(" ");
  // Cron's environment has little more than this.
  const bare = `env -i HOME="$HOME" PATH="${kitchen.path}" sh -c "$1"`;
  await using process = kitchen.start(bare, command);
  assertEquals((await process.outcome()).code, 0);
  assertEquals(await hear(peer), "cron: Good morning.");
});

withJq("recipes: two programs talk, and stop", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/agents");
  await using kitchen = new Kitchen(broker);
  kitchen.add(
    "reply",
    "cat >/dev/null; [ $1 = Ada ] && echo Bob? || echo Ada?",
  );
  const code = recipe("Two programs that talk");
  await using ada = kitchen.start(code, "Ada", "3");
  await using bob = kitchen.start(code, "Bob", "3");
  let areDone = false;
  const ended = Promise.all([ada.outcome(60_000), bob.outcome(60_000)])
    .finally(() => areDone = true);
  // Each has its session once it answers, and they may end one after the other.
  await becomesTrue(async () => {
    for (const name of ["Ada", "Bob"]) {
      await peer.publish("chat/agents", said(`${name}?`));
    }
    return areDone;
  }, 60_000);
  assertEquals((await ended).map(({ code }) => code), [0, 0]);
  await peer.publish("chat/agents", said("end", "zoe"));
  const heard: string[] = [];
  while (heard.at(-1) !== "zoe: end") heard.push(await hear(peer));
  const turns = ["Ada: Bob?", "Bob: Ada?"].map((turn) =>
    heard.filter((line) => line === turn).length
  );
  assertEquals(turns, [3, 3]);
});

Deno.test("recipes: one message, without a pipe", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/room");
  await using kitchen = new Kitchen(broker);
  await using process = kitchen.start(recipe("The end of a pipe"));
  await peer.next();
  await peer.publish("chat/room", said("yes"));
  const { code, stdout } = await process.outcome();
  assertMatch(`${code} ${stdout}`, /^0 [\d:]{8} ann: yes\n$/);
});
