import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { bundleIn } from "../../lib/cli/install.ts";
import { at, openBroker } from "../support/brokers.ts";
import { gate, NO_TMUX } from "../support/gates.ts";
import { freePort } from "../support/ports.ts";
import { Process } from "../support/processes.ts";
import { Tmux } from "../support/tmux.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CONFIG = `${ROOT}deno.json`;
/** In how Deno is started. */
const SMALL_HEAP = / ['"]?--v8-flags=--max-semi-space-size=2['"]? /;
const DENO = Deno.execPath();

/** The commands, installed in a folder that goes away with this. */
class Installation implements AsyncDisposable {
  /** A folder far from the project, to install in and to work in. */
  readonly folder = Deno.makeTempDirSync();
  /** A shell's word for its PATH, with the commands and this Deno in it. */
  readonly path = `'${this.folder}/root/bin:${dirname(DENO)}':"$PATH"`;

  /** Runs the task here, to its end. */
  async install(
    args: string[],
    env?: Record<string, string>,
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code, stdout, stderr } = await new Deno.Command(DENO, {
      args: ["task", "--quiet", "--config", CONFIG, "install", ...args],
      cwd: this.folder,
      // Deno leaves it as it is where a task runs the tests.
      env: { INIT_CWD: this.folder, ...env },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
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

  /** The files in a folder of the installation, in order. */
  files(folder: string): string[] {
    return [...Deno.readDirSync(`${this.folder}/root/${folder}`)]
      .filter(({ isFile }) => isFile).map(({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("install: makes commands that chat from any folder", async () => {
  await using installation = new Installation();
  const outcome = await installation.install(["--root", "root"]);
  assertEquals([outcome.code, outcome.stderr], [0, ""]);
  assertMatch(outcome.stdout, /^mqtt-listener, .* in \/.*\/root\/bin\. /);
  const names = ["mqtt-chat", "mqtt-listener", "mqtt-publisher"];
  assertEquals(installation.files("bin"), names);
  for (const name of names) {
    const starter = `${installation.folder}/root/bin/${name}`;
    assertMatch(await Deno.readTextFile(starter), SMALL_HEAP);
  }

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
});

for (const script of ["listener.ts", "publisher.ts"]) {
  Deno.test(`${script}: has a small young generation by its first line`, async () => {
    const [first] = (await Deno.readTextFile(ROOT + script)).split("\n");
    assertMatch(first, /^#!.*deno run /);
    assertMatch(first, SMALL_HEAP);
  });
}

Deno.test("install: makes the bundle that the task makes", () => {
  assertEquals(
    config.tasks.bundle.command,
    `deno ${bundleIn("dist").join(" ")}`,
  );
});

Deno.test("install: replaces an older installation, and tells why it can't", async () => {
  await using installation = new Installation();
  const root = { DENO_INSTALL_ROOT: `${installation.folder}/root` };
  assertEquals((await installation.install([], root)).code, 0);
  const before = installation.files("lib/mqtt-chat");
  assert(before.includes("listener.js") && before.includes("publisher.js"));
  const old = `${installation.folder}/root/lib/mqtt-chat/old.js`;
  await Deno.writeTextFile(old, "");

  const permission = ["-R=ca.pem", "--root=root/bin"];
  assertEquals((await installation.install(permission)).code, 0);
  assertEquals(installation.files("lib/mqtt-chat"), before);
  const starter = `${installation.folder}/root/bin/mqtt-listener`;
  assertMatch(await Deno.readTextFile(starter), / --allow-read=ca\.pem /);

  for (const wrong of [["--root"], ["--no-such-flag"]]) {
    const { code, stdout, stderr } = await installation.install(wrong, root);
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, RegExp(`${wrong}`));
  }
});

gate(NO_TMUX)("install: mqtt-chat is a prompt below the room", async () => {
  await using installation = new Installation();
  assertEquals((await installation.install(["--root", "root"])).code, 0);
  await using broker = await openBroker();
  await using tmux = new Tmux(`mqtt-chat-install-${Deno.pid}`);
  const terminal = await tmux.open(
    { columns: 80, rows: 20 },
    installation.folder,
    `PATH=${installation.path}`,
  );
  await terminal.enter(["mqtt-chat", ...at(broker, "-n", "Ada")].join(" "));
  await terminal.shows(/^Ada> *$/m);
  await terminal.enter("Hello");
  await terminal.shows(/^\d\d:\d\d:\d\d Ada: Hello$/m);
  await terminal.press("C-d");
  await terminal.shows(/\n\$$/);
  // Deno asks for nothing more where WebSocket's modules are loaded, either.
  await terminal.enter("clear");
  await terminal.enter(`mqtt-publisher -h ws://127.0.0.1:${freePort()} -m hi`);
  await terminal.shows(/^publisher: No broker answers/m);
});
