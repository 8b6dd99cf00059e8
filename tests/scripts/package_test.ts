/**
 * The scripts as commands: from the npm package, installed in an empty folder
 * and used from another one, and by deno install.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { at, hostOf, openBroker, TOPIC } from "../support/brokers.ts";
import { gate, isInstalled, NO_TMUX } from "../support/gates.ts";
import { page, wordsOf } from "../support/markdown.ts";
import { Peer, said } from "../support/peers.ts";
import {
  assertEnds,
  assertQuietSuccess,
  freePort,
  type Outcome,
  type Process,
  ROOT,
  spawn,
} from "../support/processes.ts";
import { SecretFile } from "../support/keys.ts";
import { Terminal } from "../support/tmux.ts";

const VERSION = config.version;

/** What `npm install` says where it does not reach its registry. */
const UNREACHED = /code (ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONN\w+|E\w*TIMEDOUT)/;

const withNpm = gate(
  isInstalled("npm", "--version") ? undefined : "npm is not installed",
);

/** A folder with the package, and another one to use it from. */
class Installation implements AsyncDisposable {
  readonly #prefix = Deno.makeTempDirSync();
  readonly folder = Deno.makeTempDirSync();
  readonly bin = `${this.#prefix}/node_modules/.bin`;

  /** Installs the package; returns what npm says where that fails. */
  async install(): Promise<string | undefined> {
    const args = [
      ...["install", "--prefer-offline", "--fetch-retries=0", "--silent"],
      ...["--loglevel=error", "--no-audit", "--no-fund"],
      `${ROOT.pathname}dist/npm/mqtt-chat-${VERSION}.tgz`,
    ];
    await using npm = spawn("npm", args, { cwd: this.#prefix });
    const { code, stderr } = await npm.finish();
    return code === 0 ? undefined : stderr;
  }

  /** A file of the installed package. */
  read(file: string): string {
    const folder = `${this.#prefix}/node_modules/mqtt-chat`;
    return Deno.readTextFileSync(`${folder}/${file}`);
  }

  /** Starts a command of the package, elsewhere. */
  start(command: string, args: string[], env = {}): Process {
    return spawn(`${this.bin}/${command}`, args, { cwd: this.folder, env });
  }

  /** Runs one on nothing from stdin. */
  async run(command: string, args: string[], env = {}): Promise<Outcome> {
    await using process = this.start(command, args, env);
    return await process.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#prefix, { recursive: true });
    await Deno.remove(this.folder, { recursive: true });
  }
}

withNpm("package: deno task pack, npm install, and its commands", async (t) => {
  await using pack = spawn(Deno.execPath(), ["task", "--quiet", "pack"]);
  const { code, stderr } = await pack.finish();
  assertEquals(code, 0, stderr);
  await using installed = new Installation();
  const fault = await installed.install();
  const unreached = fault !== undefined && UNREACHED.test(fault)
    ? "npm does not reach its registry"
    : undefined;
  assert(fault === undefined || unreached !== undefined, fault);
  const step = (name: string, fn: () => Promise<void>, also?: string) => {
    const reason = unreached ?? also;
    const why = reason === undefined ? "" : ` (skipped: ${reason})`;
    return t.step({ name: name + why, ignore: reason !== undefined, fn });
  };

  await step("mqtt-chat --version, and the package's files", async () => {
    const files = ["README.md", "CHANGELOG.md", "LICENSE", "docs/chat.svg"];
    for (const file of files) {
      assertEquals(
        installed.read(file),
        Deno.readTextFileSync(new URL(file, ROOT)),
      );
    }
    const { dependencies, license } = JSON.parse(
      installed.read("package.json"),
    );
    assertEquals([dependencies, license], [{ deno: "^2" }, "MIT"]);
    const version = await installed.run("mqtt-chat", ["--version"]);
    const stdout = `mqtt-chat ${VERSION}\n`;
    assertEquals(version, { code: 0, stdout, stderr: "" });
  });

  await step("one message each way, and SIGTERM says good-bye", async () => {
    await using broker = await openBroker();
    await using peer = await Peer.connect(broker, TOPIC);
    const ada = at(broker, "--name", "Ada");
    await using listener = installed.start("mqtt-listener", ada);
    await listener.stdout.line(/User Ada is now subscribed to chat\/room\.$/);
    await peer.publish(TOPIC, said("Hello"));
    await listener.stdout.line(/ ann: Hello$/);
    const args = at(broker, "--name", "Grace", "-m", "Hi");
    assertQuietSuccess(await installed.run("mqtt-publisher", args));
    await listener.stdout.line(/ Grace: Hi$/);
    assertEquals((await listener.stop()).code, 0);
    const texts = peer.arrived.map(({ text }) => JSON.parse(text));
    assertEquals(texts.map(({ message, notice }) => message ?? notice), [
      "User Ada is now subscribed to chat/room.",
      "Hello",
      "Hi",
      "User Ada disconnecting from chat/room.",
    ]);
  });

  await step("help, errors and exit codes are the command's", async () => {
    for (const name of ["mqtt-listener", "mqtt-chat"]) {
      const help = await installed.run(name, ["--help"]);
      assertMatch(help.stdout, new RegExp(`^Usage: ${name} \\[FLAGS\\] `, "m"));
      assert(!/deno|\.ts\b|-R=|-E/.test(help.stdout), help.stdout);
    }
    const wrong = await installed.run("mqtt-listener", ["--hots", "x"]);
    const typo = "mqtt-listener: unknown flag --hots; did you mean --host? ";
    const stderr = `${typo}Try --help.\n`;
    assertEquals(wrong, { code: 2, stdout: "", stderr });
    const chat = await installed.run("mqtt-chat", []);
    assertEnds(chat, 2, /^mqtt-chat: stdin and stdout have to be a terminal/);
    const args = ["--host", `127.0.0.1:${freePort()}`, "-m", "hi"];
    const lost = await installed.run("mqtt-publisher", args);
    assertEnds(lost, 4, /^mqtt-publisher: No broker answers/);
  });

  await step(
    "what the flags and variables need is permitted, no more",
    async () => {
      await using broker = await openBroker();
      await using peer = await Peer.connect(broker, TOPIC);
      await using secret = new SecretFile();
      const audit = `${installed.folder}/audit`;
      const permitted = async (args: string[], env = {}) => {
        const words = [...at(broker, "-m", "hi"), ...args];
        const audited = { DENO_AUDIT_PERMISSIONS: audit, TERM: "dumb", ...env };
        const sent = await installed.run("mqtt-publisher", words, audited);
        assertQuietSuccess(sent);
        const lines = (await Deno.readTextFile(audit)).trim().split("\n");
        await Deno.remove(audit);
        const asked = lines.map((line) => JSON.parse(line))
          .map(({ permission, value }) => `${permission} ${value}`)
          .filter((it) => !it.startsWith("import "));
        const { text } = await peer.next();
        const isSealed = "sealed" in JSON.parse(text);
        return [[...new Set(asked)].sort(), isSealed];
      };
      const net = `net ${hostOf(broker)}`;
      assertEquals(await permitted([]), [[net], false]);
      const read = [net, `read ${secret.path}`];
      assertEquals(await permitted(secret.flag), [read, true]);
      const env = { MQTT_CHAT_SECRET: "a".repeat(20) };
      assertEquals((await permitted([], env))[1], true);
      const made = `${installed.folder}/$(id).secret`;
      const making = await installed.run("mqtt-chat", ["--new-secret", made]);
      assertEnds(making, 0, / Use it with --secret-file '[^']+'\n$/);
      assert((await Deno.readTextFile(made)).length > 20);
      // Deno would split it.
      const comma = ["--secret-file", "/,room.secret", "-m", "hi"];
      assertEnds(
        await installed.run("mqtt-publisher", comma),
        2,
        /^mqtt-publisher: Deno can't permit a file with a comma in its path; rename it\.\n$/,
      );
    },
  );

  await step(
    "Deno takes the place of Node, where Node can do that",
    async () => {
      const newer = `${installed.folder}/newer.cjs`;
      await Deno.writeTextFile(
        newer,
        `process.execve = (...all) => {
        console.log(JSON.stringify(all));
        process.exit(9);
      };`,
      );
      const args = ["-m", "hi", "--log", "room.log"];
      const env = { NODE_OPTIONS: `--require ${newer}`, TERM: "dumb" };
      const { code, stdout } = await installed.run("mqtt-chat", args, env);
      assertEquals(code, 9);
      const [program, [first, ...words], environment] = JSON.parse(stdout);
      assertMatch(program, /\/deno$/);
      assertEquals([first, words.shift()], [program, "run"]);
      assertEquals(words.slice(-4), args);
      assertMatch(words.at(-5), /\/lib\/mqtt-chat\.js$/);
      const permitted = words.filter((word: string) => /^-[A-Z]/.test(word));
      assertEquals(permitted, ["-N", "-W=room.log", "-E=TERM"]);
      assertEquals(environment.DENO_NO_UPDATE_CHECK, "1");
    },
  );

  await step("mqtt-chat is a prompt below the room", async () => {
    await using broker = await openBroker();
    const setup = `PATH='${installed.bin}':"$PATH"`;
    const { folder } = installed;
    await using terminal = await Terminal.open({ folder, setup });
    const args = at(broker, "-n", "Eve", "--log", "room.log");
    await terminal.enter(`mqtt-chat ${args.join(" ")}`);
    await terminal.until(/^Eve> *$/m);
    await terminal.enter("Hello");
    await terminal.until(/^\d\d:\d\d:\d\d Eve: Hello$/m);
    await terminal.press("C-d");
    await terminal.until(/\n\$$/);
    const log = await Deno.readTextFile(`${installed.folder}/room.log`);
    assertMatch(log, / Eve: Hello$/m);
    // Deno asks for nothing more where WebSocket's modules are loaded, either.
    await terminal.enter("clear");
    const url = `ws://127.0.0.1:${freePort()}`;
    await terminal.enter(`mqtt-publisher -h ${url} -m hi`);
    await terminal.until(/^mqtt-publisher: No broker answers/m);
  }, NO_TMUX);

  await t.step("the page's deno install makes a command", async () => {
    const { folder } = installed;
    // The package has what deno task bundle makes.
    const lib = new URL("dist/npm/package/lib", ROOT).pathname;
    await Deno.symlink(lib, `${folder}/dist`);
    const block = page("docs/install.md").blocks("sh")
      .find((block) => block.startsWith("deno task bundle\ndeno install"))!;
    const [[deno, ...rest]] = wordsOf(block.split("\n")[1]);
    assertEquals(
      [deno, ...rest.splice(0, 2)].join(" "),
      "deno install --global",
    );
    const args = ["install", "--global", "--root", folder, ...rest];
    await using install = spawn(Deno.execPath(), args, { cwd: folder });
    const { code, stderr } = await install.finish();
    assertEquals(code, 0, stderr);
    const path = `'${folder}/bin:${dirname(Deno.execPath())}':"$PATH"`;
    const shell = ["-c", `PATH=${path} exec mqtt-chat`];
    await using chat = spawn("sh", shell, { cwd: folder });
    // The chat is the publisher with --follow, which is for a terminal.
    assertEnds(await chat.finish(), 2, /^publisher: --follow needs a terminal/);
  });

  await step("without the package deno it is one line", async () => {
    await Deno.rename(`${installed.bin}/../deno`, `${installed.folder}/deno`);
    assertEnds(
      await installed.run("mqtt-chat", ["--version"]),
      2,
      /^mqtt-chat: The package deno has no program .*; install it again\.\n$/,
    );
  });
});

Deno.test("package: the page names the tarball that pack makes", () => {
  const [pack] = page("docs/install.md").blocks("sh");
  assertEquals(pack.trim().split("\n"), [
    "deno task pack",
    `npm install --global dist/npm/mqtt-chat-${VERSION}.tgz`,
  ]);
});

/** One set of them: Deno keeps compiled code for the last set alone. */
const V8_FLAGS =
  "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=100,--no-lazy";

Deno.test("package: scripts, tasks and npm's commands give V8 the same flags", async () => {
  const flagsIn = (text: string) => text.match(/--v8-flags=[^\s"]*/g);
  for (const script of ["listener.ts", "publisher.ts"]) {
    const file = new URL(script, ROOT);
    const [first] = (await Deno.readTextFile(file)).split("\n");
    assertMatch(first, /^#!\/usr\/bin\/env -S deno run /);
    assertEquals(flagsIn(first), [V8_FLAGS]);
    if (Deno.build.os === "windows") continue;
    assertEquals((await Deno.stat(file)).mode! & 0o111, 0o111, script);
  }
  for (const task of ["chat", "listen", "publish"] as const) {
    assertEquals(flagsIn(config.tasks[task].command), [V8_FLAGS]);
  }
  const launcher = await Deno.readTextFile(new URL("npm/launch.ts", ROOT));
  assertEquals(flagsIn(launcher), [V8_FLAGS]);
});
