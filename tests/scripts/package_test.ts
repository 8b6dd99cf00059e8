/**
 * The npm package: made, installed in an empty folder, and used from another
 * one.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { at, hostOf, openBroker, TOPIC } from "../support/brokers.ts";
import { gate, isInstalled, NO_TMUX } from "../support/gates.ts";
import { page } from "../support/markdown.ts";
import { Peer, said } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { type Outcome, Process } from "../support/processes.ts";
import { SecretFile } from "../support/secret_file.ts";
import { Tmux } from "../support/tmux.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const VERSION = config.version;

/** What `npm install` says where it does not reach its registry. */
const UNREACHED = /code (ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONN\w+|E\w*TIMEDOUT)/;

const withNpm = gate(
  isInstalled("npm", "--version") ? undefined : "npm is not installed",
);

/** A folder with the package, and another one to use it from. */
class Installation implements AsyncDisposable {
  readonly #prefix = Deno.makeTempDirSync();
  readonly #elsewhere = Deno.makeTempDirSync();
  readonly bin = `${this.#prefix}/node_modules/.bin`;
  /** A shell's words that find the commands. */
  readonly path = `PATH='${this.bin}':"$PATH"`;

  get folder(): string {
    return this.#elsewhere;
  }

  /** Installs the package; returns what npm says where that fails. */
  async install(): Promise<string | undefined> {
    const npm = new Deno.Command("npm", {
      args: [
        ...["install", "--prefer-offline", "--fetch-retries=0", "--silent"],
        ...["--loglevel=error", "--no-audit", "--no-fund"],
        `${ROOT}/dist/npm/mqtt-chat-${VERSION}.tgz`,
      ],
      cwd: this.#prefix,
    });
    const { code, stderr } = await npm.output();
    return code === 0 ? undefined : new TextDecoder().decode(stderr);
  }

  /** A file of the installed package. */
  read(file: string): string {
    const folder = `${this.#prefix}/node_modules/mqtt-chat`;
    return Deno.readTextFileSync(`${folder}/${file}`);
  }

  /** Starts npx where the package is installed. */
  npx(...args: string[]): Process {
    return this.#start("npx", args, this.#prefix);
  }

  /** Starts a command of the package elsewhere. */
  start(command: string, args: string[], env = {}): Process {
    return this.#start(`${this.bin}/${command}`, args, this.#elsewhere, env);
  }

  /** Runs a command of the package on nothing from stdin. */
  async run(command: string, args: string[], env = {}): Promise<Outcome> {
    await using process = this.start(command, args, env);
    await process.endInput();
    return await process.outcome();
  }

  #start(command: string, args: string[], cwd: string, env = {}): Process {
    const child = new Deno.Command(command, {
      args,
      cwd,
      env: { NO_COLOR: "1", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Process(child, [command, ...args].join(" "));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#prefix, { recursive: true });
    await Deno.remove(this.#elsewhere, { recursive: true });
  }
}

withNpm("package: deno task pack, npm install, and its commands", async (t) => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "pack"],
    cwd: ROOT,
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
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

  await step("npx mqtt-chat --version, and the package's files", async () => {
    const files = ["README.md", "CHANGELOG.md", "LICENSE", "docs/chat.svg"];
    for (const file of files) {
      assertEquals(installed.read(file), Deno.readTextFileSync(ROOT + file));
    }
    const { dependencies, license } = JSON.parse(
      installed.read("package.json"),
    );
    assertEquals([dependencies, license], [{ deno: "^2" }, "MIT"]);
    await using process = installed.npx("mqtt-chat", "--version");
    assertEquals(await process.outcome(), {
      ...{ code: 0, stdout: `mqtt-chat ${VERSION}\n`, stderr: "" },
    });
  });

  await step("one message each way, and SIGTERM says good-bye", async () => {
    await using broker = await openBroker();
    await using peer = await Peer.connect(broker, TOPIC);
    await using listener = installed.start(
      "mqtt-listener",
      at(broker, "--name", "Ada"),
    );
    await listener.stdout.line(/User Ada is now subscribed to chat\/room\.$/);
    await peer.publish(TOPIC, said("Hello"));
    await listener.stdout.line(/ ann: Hello$/);
    const args = at(broker, "--name", "Grace", "-m", "Hi");
    assertEquals(await installed.run("mqtt-publisher", args), {
      ...{ code: 0, stdout: "", stderr: "" },
    });
    await listener.stdout.line(/ Grace: Hi$/);
    listener.signal("SIGTERM");
    assertEquals((await listener.outcome()).code, 0);
    const texts = peer.arrived.map(({ text }) => JSON.parse(text));
    assertEquals(texts.map(({ message, notice }) => message ?? notice), [
      "User Ada is now subscribed to chat/room.",
      "Hello",
      "Hi",
      "User Ada disconnecting from chat/room.",
    ]);
  });

  await step("help, errors and exit codes are the command's", async () => {
    for (const name of ["mqtt-listener", "mqtt-publisher", "mqtt-chat"]) {
      const help = await installed.run(name, ["--help"]);
      assertMatch(help.stdout, new RegExp(`^Usage: ${name} \\[FLAGS\\] `, "m"));
      assert(!/deno|\.ts\b|-R=|-E/.test(help.stdout), help.stdout);
      const wrong = await installed.run(name, ["--hots", "x"]);
      assertEquals(wrong, {
        code: 2,
        stdout: "",
        stderr: `${name}: unknown flag --hots; did you mean --host? ` +
          "Try --help.\n",
      });
    }
    const { code, stderr } = await installed.run("mqtt-chat", []);
    assertEquals(code, 2);
    assertMatch(stderr, /^mqtt-chat: stdin and stdout have to be a terminal/);
    const args = ["--host", `127.0.0.1:${freePort()}`, "-m", "hi"];
    const lost = await installed.run("mqtt-publisher", args);
    assertEquals(lost.code, 4);
    assertMatch(lost.stderr, /^mqtt-publisher: No broker answers/);
  });

  await step(
    "the flags and variables given are permitted, no more",
    async () => {
      await using broker = await openBroker();
      await using peer = await Peer.connect(broker, TOPIC);
      await using secret = new SecretFile();
      const audit = `${installed.folder}/audit`;
      const permitted = async (args: string[], env = {}) => {
        const { code, stderr } = await installed.run(
          "mqtt-publisher",
          [...at(broker, "-m", "hi"), ...args],
          { DENO_AUDIT_PERMISSIONS: audit, TERM: "dumb", ...env },
        );
        assertEquals([code, stderr], [0, ""]);
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
      assertEquals(await permitted(secret.flag), [
        [net, `read ${secret.path}`],
        true,
      ]);
      const made = `${installed.folder}/$(id).secret`;
      const { code, stderr } = await installed.run("mqtt-chat", [
        ...["--new-secret", made],
      ]);
      assertEquals(code, 0);
      assertMatch(stderr, / Use it with --secret-file '[^']+'\n$/);
      assert((await Deno.readTextFile(made)).length > 20);
      const env = { MQTT_CHAT_SECRET: "a".repeat(20) };
      assertEquals((await permitted([], env))[1], true);
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

  await step(
    "a path with a comma is refused, since Deno would split it",
    async () => {
      const args = ["--secret-file", "/,room.secret", "-m", "hi"];
      const { code, stderr } = await installed.run("mqtt-publisher", args);
      assertEquals([code, stderr], [
        2,
        "mqtt-publisher: Deno can't permit a file with a comma in its path; " +
        "rename it.\n",
      ]);
    },
  );

  await step("mqtt-chat is a prompt below the room", async () => {
    await using broker = await openBroker();
    await using tmux = new Tmux(`mqtt-chat-package-${Deno.pid}`);
    const terminal = await tmux.open(
      { columns: 80, rows: 20 },
      installed.folder,
      installed.path,
    );
    const log = ["--log", "room.log"];
    await terminal.enter(
      ["mqtt-chat", ...at(broker, "-n", "Eve", ...log)].join(" "),
    );
    await terminal.shows(/^Eve> *$/m);
    await terminal.enter("Hello");
    await terminal.shows(/^\d\d:\d\d:\d\d Eve: Hello$/m);
    await terminal.press("C-d");
    await terminal.shows(/\n\$$/);
    assertMatch(
      await Deno.readTextFile(`${installed.folder}/room.log`),
      / Eve: Hello$/m,
    );
    // Deno asks for nothing more where WebSocket's modules are loaded, either.
    await terminal.enter("clear");
    const url = `ws://127.0.0.1:${freePort()}`;
    await terminal.enter(`mqtt-publisher -h ${url} -m hi`);
    await terminal.shows(/^mqtt-publisher: No broker answers/m);
  }, NO_TMUX);

  await step("without the package deno it is one line", async () => {
    await Deno.rename(`${installed.bin}/../deno`, `${installed.folder}/deno`);
    assertEquals(await installed.run("mqtt-chat", ["--version"]), {
      code: 2,
      stdout: "",
      stderr: "mqtt-chat: The package deno has no program for this machine; " +
        "install it again.\n",
    });
  });
});

Deno.test("package: the page names the tarball that pack makes", () => {
  const [pack] = page("docs/install.md").blocks("sh");
  assertEquals(pack.trim().split("\n"), [
    "deno task pack",
    `npm install --global dist/npm/mqtt-chat-${VERSION}.tgz`,
  ]);
});
