/** The bot of docs/library.md and its test, as the page tells to make them. */

import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { MAX_PAYLOAD_BYTES } from "../../lib/protocol.ts";
import { hostOf, openBroker } from "../support/brokers.ts";
import { page, wordsOf } from "../support/markdown.ts";
import { Peer, said } from "../support/peers.ts";
import { Process } from "../support/processes.ts";

const LIBRARY = page("docs/library.md");
const [BOT, TEST] = LIBRARY.blocks("ts");
const [RUN_BOT, RUN_TEST] = LIBRARY.blocks("sh")
  .map((line) => wordsOf(line.trim())[0]);

/** A folder with the page's files, which goes away with this. */
class Folder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync();

  /** Writes them; `host` takes the place of the bot's broker. */
  constructor(host: string) {
    const [json] = LIBRARY.blocks("json");
    const settings = JSON.parse(json);
    assertEquals(settings.links, ["../mqtt-chat"]);
    settings.links = [fileURLToPath(new URL("../..", import.meta.url))];
    this.#write("deno.json", JSON.stringify(settings));
    this.#write("echo.ts", BOT.replaceAll("localhost", host));
    this.#write("echo_test.ts", TEST);
  }

  #write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.path}/${name}`, text);
  }

  /** Starts a command of the page in the folder. */
  start([command, ...args]: string[]): Process {
    assertEquals(command, "deno");
    const child = new Deno.Command(Deno.execPath(), {
      args,
      cwd: this.path,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Process(child, args.join(" "));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

Deno.test("docs: the test of the bot is well-typed and passes", async () => {
  await using folder = new Folder("localhost");
  await using test = folder.start(RUN_TEST);
  const { code, stdout, stderr } = await test.outcome();
  assertEquals(code, 0, stdout + stderr);
  assertMatch(stdout, /the bot repeats what Ada says \.\.\. ok/);
  assertMatch(stdout, /1 passed \| 0 failed/);
});

Deno.test("docs: the bot joins, answers, not itself, and times out", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/room");
  // Retained, it reaches the bot as soon as that has joined.
  await peer.publish("chat/room", said("hello"), true);
  await using folder = new Folder(hostOf(broker));
  const command = RUN_BOT.map((word) =>
    word.replace("localhost:1883", hostOf(broker))
  );
  assertEquals(command[2], `-N=${hostOf(broker)}`);
  await using bot = folder.start(command);
  const heard: string[] = [];
  const hear = async (line: string) => {
    while (heard.at(-1) !== line) {
      const { from, message, notice } = JSON.parse((await peer.next()).text);
      heard.push(`${from}: ${(message ?? notice).slice(0, 10)}`);
    }
  };
  await hear("echo: hello");
  // Its own answer is on the way to it by now, ahead of what follows: first
  // what fits, but not with the time and the id that an answer has.
  const room = MAX_PAYLOAD_BYTES - said("").length;
  await peer.publish("chat/room", said("x".repeat(room)));
  await peer.publish("chat/room", said("again"));
  await hear("echo: again");
  // What it could not send has not ended it either.
  await peer.publish("chat/room", said("good-bye"));
  await hear("echo: good-bye");
  bot.signal("SIGKILL");
  await hear("echo: User echo ");
  assertEquals(heard.filter((line) => line !== "echo: User echo "), [
    "ann: hello",
    "echo: hello",
    "ann: xxxxxxxxxx",
    "ann: again",
    "echo: again",
    "ann: good-bye",
    "echo: good-bye",
  ]);
});

Deno.test("docs: the page lists the modules of the package", () => {
  const modules = LIBRARY.table("The modules").map(([module]) => module);
  const exported = Object.keys(config.exports)
    .map((door) => `\`${config.name}${door.slice(1)}\``);
  assertEquals(modules, exported);
});
