import { assert, assertEquals } from "@std/assert";
import type { Script } from "../../lib/cli/flags.ts";
import {
  parseListenerArgs,
  parsePublisherArgs,
} from "../../lib/cli/options.ts";
import config from "../../deno.json" with { type: "json" };
import { hostOf, openBroker } from "../support/brokers.ts";
import { gate, isInstalled } from "../support/gates.ts";
import { page, PAGES, wordsOf } from "../support/markdown.ts";
import { Peer, said } from "../support/peers.ts";
import { Process, start } from "../support/processes.ts";

const ROOT = new URL("../..", import.meta.url);

/** How the pages call the scripts, and the flags that the call brings along. */
const CALLS: { start: RegExp; script: Script; flags: string[] }[] = [
  call("deno run (-\\S+ )*(dist/)?listener\\.[jt]s", "listener"),
  call("deno run (-\\S+ )*(dist/)?publisher\\.[jt]s", "publisher"),
  call("deno task listen", "listener"),
  call("deno task publish", "publisher"),
  call("deno task chat", "publisher", ["--follow"]),
  call("mqtt-listener", "listener"),
  call("mqtt-publisher", "publisher"),
  call("mqtt-chat", "publisher", ["--follow"]),
];

function call(words: string, script: Script, flags: string[] = []) {
  return { start: RegExp(`^${words}(?= |$)`), script, flags };
}

/** The calls on all pages, each with its arguments. */
function calls(): { script: Script; args: string[]; line: string }[] {
  const commands = PAGES.flatMap(({ commands }) => commands).flatMap(wordsOf);
  return commands.flatMap((words) => {
    const line = words.join(" ");
    const found = CALLS.find(({ start }) => start.test(line));
    if (found === undefined || line.includes("…")) return [];
    const [start] = found.start.exec(line)!;
    const given = words.slice(start.split(" ").length);
    return [{ script: found.script, args: [...found.flags, ...given], line }];
  });
}

Deno.test("readme: it has 150 lines at most", () => {
  const lines = page("README.md").text.trimEnd().split("\n");
  assert(lines.length <= 150, `${lines.length} lines`);
});

Deno.test("readme: every link leads to a file, and to a heading in it", () => {
  for (const { path, links } of PAGES) {
    for (const link of links) {
      const { pathname, hash } = new URL(link, `file:///${path}`);
      const target = pathname.slice(1);
      assert(isFile(target), `${path} links to ${link}`);
      if (hash === "") continue;
      const { anchors } = page(target);
      assert(anchors.includes(hash.slice(1)), `${path} links to ${link}`);
    }
  }
});

Deno.test("readme: every module the pages name is there", () => {
  for (const { path, text } of PAGES) {
    // CONTRIBUTING.md leaves out lib/, where nearly all of them are.
    for (const [, module] of text.matchAll(/`((?:[a-z_]+\/)+[a-z_]+\.ts)`/g)) {
      const isThere = isFile(module) || isFile(`lib/${module}`);
      assert(isThere, `${path} names ${module}`);
    }
  }
});

/** Whether a path from the project's folder is a file's. */
function isFile(path: string): boolean {
  try {
    return Deno.statSync(new URL(path, ROOT)).isFile;
  } catch {
    return false;
  }
}

Deno.test("readme: the scripts take every command line of the pages", () => {
  const all = calls();
  for (const { script, args, line } of all) {
    try {
      if (script === "listener") parseListenerArgs(args);
      else parsePublisherArgs(args);
    } catch (error) {
      throw new Error(`${line}: ${(error as Error).message}`);
    }
  }
  assert(all.length > 20, `only ${all.length} were found`);
});

Deno.test("readme: every task the pages name is one", () => {
  for (const { path, text } of PAGES) {
    for (const [, task] of text.matchAll(/(?:deno|deno@2) task ([a-z]+)/g)) {
      assert(task in config.tasks, `${path}: deno task ${task}`);
    }
  }
});

const withJq = gate(
  isInstalled("jq", "--version") ? undefined : "jq is not installed",
);

withJq("readme: its jq examples read what --json writes", async () => {
  const lines = PAGES.flatMap((page) => page.blocks("sh").join("").split("\n"));
  const examples = new Set(
    lines.filter((line) => /^deno run .*\| jq /.test(line)),
  );
  assert(examples.size > 0, "no page has a jq example");
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  for (const example of examples) {
    const [listen, filter] = example.split(/ \| (?=jq )/);
    const [[, , , script, ...args]] = wordsOf(listen);
    assertEquals(script, "listener.ts", example);
    const request = parseListenerArgs(args);
    assert(request.action === "run");
    const topic = request.options.topics[0].replaceAll(/[+#]/g, "room");
    const json = await read([...args, "-h", hostOf(broker)], async () => {
      await peer.publish(topic, "no chat payload");
      await peer.publish(topic, said('Hello, "all"'));
    });
    assertEquals(await pipe(filter, json), 'ann: Hello, "all"\n');
    for (const member of json.split("\n").slice(0, -1).flatMap(membersOf)) {
      const { text } = page("docs/output.md");
      assert(text.includes(`\`${member}\``), `docs/output.md lacks ${member}`);
    }
  }
});

function membersOf(json: string): string[] {
  return Object.keys(JSON.parse(json));
}

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
