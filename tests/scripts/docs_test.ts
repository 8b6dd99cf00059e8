/** What the pages say: commands, links, tables, the keeper's unit, the bot. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { USERS } from "../../lib/broker/broker.ts";
import { EXIT } from "../../lib/cli/exit.ts";
import { type Flag, flagsOf, type Script } from "../../lib/cli/flags.ts";
import {
  parseListenerArgs,
  parsePublisherArgs,
} from "../../lib/cli/options.ts";
import { parseUrl } from "../../lib/mqtt/address.ts";
import {
  joinNotice,
  leaveNotice,
  MAX_PAYLOAD_BYTES,
  renameNotice,
  timeoutNotice,
} from "../../lib/protocol.ts";
import { renderJsonNote } from "../../lib/room/json.ts";
import { type Note, renderNote } from "../../lib/room/line.ts";
import { hostOf } from "../support/brokers.ts";
import { gate, isInstalled } from "../support/gates.ts";
import { KEY } from "../support/keys.ts";
import { page, PAGES, wordsOf } from "../support/markdown.ts";
import { nextPayload, roomTests, said } from "../support/peers.ts";
import { type Process, ROOT, spawn, start } from "../support/processes.ts";

/** The rows of a page's table, without the marks of code. */
const rowsOf = (path: string, heading: string) =>
  page(path).table(heading)
    .map((cells) => cells.map((cell) => cell.replaceAll("`", "")));

/** A flag as `--help` and the tables write it, and its default. */
function row({ short, long, value, help }: Flag): [string, string] {
  const name = `${short ? `-${short}, ` : ""}--${long}`;
  const [, usual = ""] = /\[default: (.*)\]$/.exec(help) ?? [];
  return [value ? `${name} ${value}` : name, usual];
}

Deno.test("docs: the tables have every flag with its default, and no other", () => {
  // The default of --history differs between the scripts; the table has both.
  const [listener, publisher] = (["listener", "publisher"] as const)
    .map((script) => new Map(flagsOf(script).map(row)));
  const history = "--history N";
  const both = rowsOf("docs/flags.md", "Both scripts")
    .map((cells) => [cells[0], cells[0] === history ? "" : cells.at(-1)!]);
  for (
    const [heading, flags] of [
      ["Listener", listener],
      ["Publisher", publisher],
    ] as const
  ) {
    flags.set(history, "");
    const own = rowsOf("docs/flags.md", heading)
      .map((cells) => [cells[0], cells.at(-1)!]);
    assertEquals([...both, ...own].sort(), [...flags].sort(), heading);
  }
});

Deno.test("docs: the URLs of the table name its rooms", () => {
  const rows = rowsOf("docs/flags.md", "A room is a URL");
  assert(rows.length > 5);
  for (const [url, room] of rows) {
    assertEquals(parseUrl(url).room ?? "chat", room, url);
  }
});

Deno.test("docs: the table has every exit code", () => {
  const codes = rowsOf("docs/output.md", "Exit codes")
    .map(([code]) => Number(code));
  assertEquals(codes, Object.values(EXIT).sort());
});

const GAP = {
  type: "gap",
  broker: "localhost:1883",
  seconds: 4.1,
  mayMiss: false,
  mayMissQoS0: false,
  fetched: 3,
} as const;

/** The listener's own lines, of which the table has the JSON. */
const NOTES: Note[] = [
  GAP,
  { type: "lost", from: "Ada", count: 8_247, topic: "chat/room" },
  { type: "another", from: "Ada", key: KEY },
  { type: "forgotten" },
  { type: "unchecked" },
  { type: "uncounted" },
  { type: "dropped", count: 311 },
  { type: "missed", count: 2 },
];

Deno.test("docs: the listener's own lines are as it writes them", () => {
  const text = ["output", "delivery", "rooms"]
    .map((name) => page(`docs/${name}.md`).text).join("");
  const others: Note[] = [
    { ...GAP, seconds: 3.2, mayMissQoS0: true, fetched: undefined },
    { ...GAP, seconds: 9.7, mayMiss: true, fetched: undefined },
    { type: "history", count: 2 },
    { type: "history", count: 0 },
    { type: "now" },
  ];
  const isShown = ({ type }: Note) => !/^(uncounted|missed)$/.test(type);
  for (const note of [...NOTES.filter(isShown), ...others]) {
    const options = { color: false, formatTime: () => "" };
    const line = renderNote(note, new Date(), options).trim();
    assert(text.includes(line), line);
  }
});

Deno.test("docs: the table has the members of the listener's own JSON", () => {
  const rows = rowsOf("docs/output.md", "Lines of the listener");
  const expected = NOTES.map((note) => {
    const { receivedAt: _, type, ...others } = JSON.parse(
      renderJsonNote(note, new Date()),
    );
    return [type, Object.keys(others).sort()];
  });
  const listed = rows.map((
    [type, members],
  ) => [type, members.split(", ").filter(Boolean).sort()]);
  assertEquals(listed, expected);
});

Deno.test("docs: the README's users may read and write as it says", () => {
  const users = Object.entries(USERS).map(([user, { password, topics }]) => {
    const below = `${topics.split("/")[0]} and everything below it`;
    return [user, password, topics === "#" ? "everything" : below];
  });
  assertEquals(rowsOf("README.md", "With Mosquitto"), users);
});

Deno.test("docs: the standard notices are what we send and read", () => {
  const room = "chat/room";
  const rows = rowsOf("docs/wire-format.md", "Notices");
  assertEquals(rows.map((cells) => cells.slice(0, 2)), [
    ["joined", joinNotice("Ada", room)],
    ["left", leaveNotice("Ada", room)],
    ["lost", timeoutNotice("Ada")],
    ["renamed", renameNotice("Ada", "Countess")],
  ]);
});

const NAME = "mqtt-chat-keeper.service";
const UNIT = Deno.readTextFileSync(
  new URL(`../../docs/${NAME}`, import.meta.url),
);

Deno.test("docs: the keeper's unit has the lines that it needs", () => {
  const lines = UNIT.replaceAll(/^(#.*)?\n/gm, "").trim().split("\n");
  const free = /^(Description|Wants|After|LoadCredential|ExecStart)=(.+)$/;
  assertEquals(lines.filter((line) => !free.test(line)), [
    "[Unit]",
    "StartLimitIntervalSec=0",
    "[Service]",
    "WorkingDirectory=/opt/mqtt-chat",
    "StandardOutput=null",
    "Restart=on-failure",
    "RestartSec=5",
    "RestartPreventExitStatus=2 3",
    "DynamicUser=yes",
    "CacheDirectory=mqtt-chat-keeper",
    "Environment=DENO_DIR=/var/cache/mqtt-chat-keeper",
    "[Install]",
    "WantedBy=multi-user.target",
  ]);
  const values = lines.flatMap((line) => free.exec(line)?.[2] ?? []);
  assertEquals(values.length, 5);
  const [name, file] = values[3].split(":");
  const commands = page("docs/rooms.md").blocks("sh").join("");
  for (const part of [file, `docs/${NAME}`, "/opt/mqtt-chat"]) {
    assert(commands.includes(part), part);
  }

  const [words] = wordsOf(values[4].replace("chat/#", "'chat/#'"));
  const script = words.indexOf("listener.js");
  const passwordFile = `\${CREDENTIALS_DIRECTORY}/${name}`;
  assertEquals(
    words.slice(0, script).join(" "),
    `/usr/bin/env deno run --no-prompt -N=localhost:1883 -R=${passwordFile}`,
  );
  const request = parseListenerArgs(words.slice(script + 1));
  assert(request.action === "run");
  const { options } = request;
  const wanted = { keep: 100, topics: ["chat/#"], username: "keeper" };
  assertEquals(options, { ...options, ...wanted, passwordFile, resume: true });
});

const withSystemd = gate(
  isInstalled("systemd-analyze", "--version")
    ? undefined
    : "systemd-analyze is not installed",
);

withSystemd("docs: systemd finds no fault with the keeper's unit", async () => {
  const complaints = async (unit: string) => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/${NAME}`;
    await Deno.writeTextFile(path, unit);
    const verify = { args: ["verify", path] };
    const { code, stdout, stderr } = await new Deno.Command(
      "systemd-analyze",
      verify,
    ).output();
    await Deno.remove(folder, { recursive: true });
    const decoder = new TextDecoder();
    const text = decoder.decode(stdout) + decoder.decode(stderr);
    // It reads the units of the machine too, and may complain of them.
    const lines = text.split("\n").filter((line) => line.includes(NAME));
    return { code, lines };
  };
  assertEquals(await complaints(UNIT), { code: 0, lines: [] });
  const faulty = UNIT.replace("RestartSec=", "RestartSeconds=");
  assertEquals((await complaints(faulty)).lines.length, 1);
});

const test = roomTests("docs");

const LIBRARY = page("docs/library.md");
const [BOT, TEST] = LIBRARY.blocks("ts");
const [RUN_BOT, RUN_TEST] = LIBRARY.blocks("sh")
  .map((line) => wordsOf(line.trim())[0]);

/** A folder with the page's files, which goes away with this. */
class Folder implements AsyncDisposable {
  readonly #path = Deno.makeTempDirSync();

  /** Writes them; `host` takes the place of the bot's broker. */
  constructor(host: string) {
    const settings = JSON.parse(LIBRARY.blocks("json")[0]);
    assertEquals(settings.links, ["../mqtt-chat"]);
    settings.links = [fileURLToPath(ROOT)];
    const files = {
      "deno.json": JSON.stringify(settings),
      "echo.ts": BOT.replaceAll("localhost", host),
      "echo_test.ts": TEST,
    };
    for (const [name, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${this.#path}/${name}`, text);
    }
  }

  /** Starts a command of the page in the folder. */
  start([command, ...args]: string[]): Process {
    assertEquals(command, "deno");
    return spawn(Deno.execPath(), args, { cwd: this.#path });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#path, { recursive: true });
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

test("the bot answers, not itself, and times out", async ({ broker, peer }) => {
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
      const { from, message, notice } = await nextPayload(peer);
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
    ...["ann: hello", "echo: hello", "ann: xxxxxxxxxx", "ann: again"],
    ...["echo: again", "ann: good-bye", "echo: good-bye"],
  ]);
});

Deno.test("docs: the page lists the modules of the package", () => {
  const modules = LIBRARY.table("The modules").map(([module]) => module);
  const exported = Object.keys(config.exports)
    .map((door) => `\`${config.name}${door.slice(1)}\``);
  assertEquals(modules, exported);
});

/** How the pages call the scripts, and the flags that the call brings along. */
const CALLS: [words: RegExp, script: Script, ...flags: string[]][] = [
  [/^(deno run (-\S+ )*(dist\/)?listener\.[jt]s)(?= |$)/, "listener"],
  [/^(deno run (-\S+ )*(dist\/)?publisher\.[jt]s)(?= |$)/, "publisher"],
  [/^(deno task listen|mqtt-listener)(?= |$)/, "listener"],
  [/^(deno task publish|mqtt-publisher)(?= |$)/, "publisher"],
  [/^(deno task chat|mqtt-chat)(?= |$)/, "publisher", "--follow"],
];

Deno.test("docs: README.md has 150 lines at most", () => {
  const lines = page("README.md").text.trimEnd().split("\n");
  assert(lines.length <= 150, `${lines.length} lines`);
});

Deno.test("docs: every link leads to a file, and to a heading in it", () => {
  for (const { path, links } of PAGES) {
    for (const link of links) {
      const { pathname, hash } = new URL(link, `file:///${path}`);
      const target = pathname.slice(1);
      const isThere = isFile(target) &&
        (hash === "" || page(target).anchors.includes(hash.slice(1)));
      assert(isThere, `${path} links to ${link}`);
    }
  }
});

Deno.test("docs: every module and task the pages name is there", () => {
  for (const { path, text } of PAGES) {
    // CONTRIBUTING.md leaves out lib/, where nearly all of them are.
    for (const [, module] of text.matchAll(/`((?:[a-z_]+\/)+[a-z_]+\.ts)`/g)) {
      const isThere = isFile(module) || isFile(`lib/${module}`);
      assert(isThere, `${path} names ${module}`);
    }
    for (const [, task] of text.matchAll(/(?:deno|deno@2) task ([a-z]+)/g)) {
      assert(task in config.tasks, `${path}: deno task ${task}`);
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

Deno.test("docs: the scripts take every command line of the pages", () => {
  let count = 0;
  const commands = PAGES.flatMap(({ commands }) => commands).flatMap(wordsOf);
  for (const words of commands) {
    const line = words.join(" ");
    const call = CALLS.find(([start]) => start.test(line));
    if (call === undefined || line.includes("…")) continue;
    const [start, script, ...flags] = call;
    const given = words.slice(start.exec(line)![1].split(" ").length);
    const parse = script === "listener"
      ? parseListenerArgs
      : parsePublisherArgs;
    try {
      parse([...flags, ...given]);
    } catch (error) {
      throw new Error(`${line}: ${(error as Error).message}`);
    }
    count++;
  }
  assert(count > 20, `only ${count} were found`);
});

const withJq = roomTests(
  "docs",
  gate(
    isInstalled("jq", "--version") ? undefined : "jq is not installed",
  ),
);

withJq("jq examples read what --json writes", async ({ broker, peer }) => {
  const lines = PAGES.flatMap((page) => page.blocks("sh").join("").split("\n"));
  const examples = new Set(
    lines.filter((line) => /^deno run .*\| jq /.test(line)),
  );
  assert(examples.size > 0, "no page has a jq example");
  for (const example of examples) {
    const [listen, filter] = example.split(/ \| (?=jq )/);
    const [[, , , script, ...args]] = wordsOf(listen);
    assertEquals(script, "listener.ts", example);
    const request = parseListenerArgs(args);
    assert(request.action === "run");
    const topic = request.options.topics[0].replaceAll(/[+#]/g, "room");
    args.push("-h", hostOf(broker), "-C", "2");
    await using listener = start("listener.ts", args);
    await listener.stderr.line(/^Reading/);
    await peer.publish(topic, "no chat payload");
    await peer.publish(topic, said('Hello, "all"'));
    const { code, stdout: json, stderr } = await listener.outcome();
    assertEquals(code, 0, stderr);
    await using jq = spawn("sh", ["-c", filter]);
    const stdout = 'ann: Hello, "all"\n';
    assertEquals(await jq.finish(json), { code: 0, stdout, stderr: "" });
    const members = json.trimEnd().split("\n")
      .flatMap((line) => Object.keys(JSON.parse(line)));
    const { text } = page("docs/output.md");
    for (const member of members) {
      assert(text.includes(`\`${member}\``), `docs/output.md lacks ${member}`);
    }
  }
});
