import { assertEquals, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { at, openBroker } from "../support/brokers.ts";
import { NO_TMUX } from "../support/gates.ts";
import { page, wordsOf } from "../support/markdown.ts";
import { freePort } from "../support/ports.ts";
import { Process } from "../support/processes.ts";
import { Tmux } from "../support/tmux.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DENO = Deno.execPath();

/** Runs Deno to its end, which has to be a good one. */
async function deno(cwd: string, args: string[]): Promise<void> {
  const output = await new Deno.Command(DENO, { args, cwd }).output();
  const { code, stderr } = output;
  assertEquals(code, 0, new TextDecoder().decode(stderr));
}

/** The commands that docs/install.md makes, far from the project's folder. */
class Installation implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  /** A shell's word for its PATH, with the commands and this Deno in it. */
  readonly path = `'${this.folder}/bin:${dirname(DENO)}':"$PATH"`;

  static async make(): Promise<Installation> {
    const installation = new Installation();
    const { folder } = installation;
    const [, ...bundle] = config.tasks.bundle.command.split(" ");
    const args = bundle.map((arg) => arg === "dist" ? `${folder}/dist` : arg);
    await deno(ROOT, args);
    const [block] = page("docs/install.md").blocks("sh");
    const [task, ...installs] = block.trim().split("\n");
    assertEquals([task, installs.length], ["deno task bundle", 3]);
    for (const line of installs) {
      const [[, install, ...args]] = wordsOf(line);
      await deno(folder, [install, "--root", folder, ...args]);
    }
    return installation;
  }

  /** Starts a command by its name. */
  start(command: string, ...args: string[]): Process {
    const child = new Deno.Command("sh", {
      args: ["-c", `PATH=${this.path} exec "$0" "$@"`, command, ...args],
      cwd: this.folder,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Process(child, command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("install: the commands of the docs chat from any folder", async (t) => {
  await using installation = await Installation.make();
  await using broker = await openBroker();
  await using listener = installation.start(
    "mqtt-listener",
    ...at(broker, "--name", "Ada"),
  );
  await listener.stdout.line(/User Ada is now subscribed to chat\/room\.$/);
  await using publisher = installation.start(
    "mqtt-publisher",
    ...at(broker, "--name", "Grace"),
  );
  await publisher.write("Hello\n");
  await listener.stdout.line(/ Grace: Hello$/);
  await publisher.endInput();
  assertEquals(await publisher.outcome(), { code: 0, stdout: "", stderr: "" });
  // The chat is the publisher with --follow, which is for a terminal.
  await using chat = installation.start("mqtt-chat", ...at(broker));
  const { code, stderr } = await chat.outcome();
  assertEquals(code, 2);
  assertMatch(stderr, /^publisher: --follow needs a terminal/);

  await t.step({
    name: "mqtt-chat is a prompt below the room",
    ignore: NO_TMUX !== undefined,
    async fn() {
      await using tmux = new Tmux(`mqtt-chat-install-${Deno.pid}`);
      const terminal = await tmux.open(
        { columns: 80, rows: 20 },
        installation.folder,
        `PATH=${installation.path}`,
      );
      await terminal.enter(["mqtt-chat", ...at(broker, "-n", "Eve")].join(" "));
      await terminal.shows(/^Eve> *$/m);
      await terminal.enter("Hello");
      await terminal.shows(/^\d\d:\d\d:\d\d Eve: Hello$/m);
      await terminal.press("C-d");
      await terminal.shows(/\n\$$/);
      // Deno asks for nothing more where WebSocket's modules are loaded, either.
      await terminal.enter("clear");
      const url = `ws://127.0.0.1:${freePort()}`;
      await terminal.enter(`mqtt-publisher -h ${url} -m hi`);
      await terminal.shows(/^publisher: No broker answers/m);
    },
  });
});

for (const script of ["listener.ts", "publisher.ts"]) {
  Deno.test(`${script}: has a small young generation by its first line`, async () => {
    const [first] = (await Deno.readTextFile(ROOT + script)).split("\n");
    assertMatch(
      first,
      /^#!.*deno run (.* )?--v8-flags=--max-semi-space-size=2 /,
    );
  });
}
