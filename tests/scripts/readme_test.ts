import { assert, assertEquals, assertMatch } from "@std/assert";
import { DEFAULTS } from "../../lib/client_options.ts";
import { parseListenerArgs } from "../../lib/cli/options.ts";
import { MAX_PAYLOAD_BYTES } from "../../lib/protocol.ts";
import { hostOf, openBroker } from "../support/brokers.ts";
import { gate, isInstalled } from "../support/gates.ts";
import { Peer, said } from "../support/peers.ts";
import { Process, start } from "../support/processes.ts";

const ROOT = new URL("../..", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));

/** Where README.md expects the local broker. */
const LOCAL = "localhost:1883";

/** The code blocks in a language. */
function blocks(language: string): string[] {
  const fenced = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm");
  return [...README.matchAll(fenced)].map(([, code]) => code);
}

/** The commands of the README that match. */
function commands(pattern: RegExp): string[] {
  const lines = blocks("sh").join("").split("\n");
  return lines.filter((line) => pattern.test(line));
}

/** Programs from the README in a folder that goes away with this. */
class Programs implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync();

  /** Writes one; its modules are the project's. Returns its path. */
  write(name: string, code: string): string {
    const path = `${this.#folder}/${name}`;
    const modules = code.replaceAll('from "./', `from "${ROOT}`);
    Deno.writeTextFileSync(path, modules);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("readme: its programs are well-typed", async () => {
  await using programs = new Programs();
  const paths = blocks("ts").map((code, i) => programs.write(`${i}.ts`, code));
  assert(paths.length > 0, "README.md has no program");
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", "--config", "deno.json", ...paths],
    cwd: ROOT,
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
});

Deno.test("readme: the echo bot answers, but not itself", async () => {
  const [echo = ""] = blocks("ts");
  const lines = echo.split("\n").filter((line) => line.trim() !== "");
  assert(lines.length > 0 && lines.length <= 10, `${lines.length} lines`);
  for (const [, path] of echo.matchAll(/from "(.*)"/g)) {
    assertMatch(path, /^\.\/lib\/(client|protocol)\.ts$/);
  }
  const [command = ""] = commands(/^deno run .*echo\.ts$/);
  const [, permissions = ""] = /^deno run (\S+) echo\.ts$/.exec(command) ?? [];
  assertEquals(permissions, `-N=${LOCAL}`);

  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/room");
  // Retained, it reaches the bot as soon as that has joined.
  await peer.publish("chat/room", said("hello"), true);
  await using programs = new Programs();
  const bot = echo.replaceAll("localhost", hostOf(broker));
  await using _process = start(programs.write("echo.ts", bot), [], {
    permissions: [`-N=${hostOf(broker)}`, "--config", "deno.json"],
  });
  const heard: string[] = [];
  const hear = async (line: string) => {
    while (heard.at(-1) !== line) {
      const { from, message } = JSON.parse((await peer.next()).text);
      heard.push(`${from}: ${message.slice(0, 10)}`);
    }
  };
  await hear("echo: hello");
  // By now its own answer is on the way to it, ahead of what follows: first
  // what fits, but not with the time and the id that an answer has.
  const room = MAX_PAYLOAD_BYTES - said("").length;
  await peer.publish("chat/room", said("x".repeat(room)));
  await peer.publish("chat/room", said("again"));
  await hear("echo: again");
  // What it could not send has not ended it either.
  await peer.publish("chat/room", said("good-bye"));
  await hear("echo: good-bye");
  assertEquals(heard, [
    "ann: hello",
    "echo: hello",
    "ann: xxxxxxxxxx",
    "ann: again",
    "echo: again",
    "ann: good-bye",
    "echo: good-bye",
  ]);
});

const withJq = gate(
  isInstalled("jq", "--version") ? undefined : "jq is not installed",
);

withJq("readme: its jq examples read what --json writes", async () => {
  const examples = commands(/\| jq /);
  assert(examples.length > 0, "README.md has no jq example");
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  for (const example of examples) {
    const [listen, filter] = example.split(/ \| (?=jq )/);
    const [, given] = /^deno run -N listener\.ts (.*)$/.exec(listen) ?? [];
    assert(given !== undefined, example);
    const args = (given.match(/'[^']*'|\S+/g) ?? [])
      .map((arg) => arg.replaceAll("'", ""));
    const request = parseListenerArgs(args);
    assert(request.action === "run");
    const topic = request.options.topics[0].replaceAll(/[+#]/g, "room");
    const json = await read([...args, "-h", hostOf(broker)], async () => {
      await peer.publish(topic, "no chat payload");
      await peer.publish(topic, said('Hello, "all"'));
    });
    assertEquals(await pipe(filter, json), 'ann: Hello, "all"\n');
  }
});

/** What a listener writes about two things that happen while it reads. */
async function read(
  args: string[],
  happen: () => Promise<void>,
): Promise<string> {
  await using listener = start("listener.ts", [...args, "-C", "2"]);
  await listener.stderr.line(/^Reading/);
  await happen();
  const { code, stdout, stderr } = await listener.outcome();
  assertEquals(code, 0, stderr);
  return stdout;
}

/** What a command line makes of a text. */
async function pipe(command: string, text: string): Promise<string> {
  const child = new Deno.Command("sh", {
    args: ["-c", command],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await using process = new Process(child, command);
  await process.write(text);
  await process.endInput();
  const { code, stdout, stderr } = await process.outcome();
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

Deno.test("readme: its table has the defaults of the flags", () => {
  const { qos, keepalive, timeout, protocolVersion, sessionExpiry } = DEFAULTS;
  const defaults: [flag: string, value: string | number][] = [
    ["qos", qos],
    ["keepalive", keepalive],
    ["timeout", timeout],
    ["protocol-version", `\`${protocolVersion}\``],
    ["session-expiry", `off, ${sessionExpiry}`],
  ];
  for (const [flag, value] of defaults) {
    const [row = ""] = README.split("\n")
      .filter((line) => line.startsWith("|") && line.includes(`--${flag}`));
    assertEquals(row.split("|").at(-2)?.trim(), String(value), flag);
  }
});
