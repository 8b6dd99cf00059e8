import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertThrows,
} from "@std/assert";
import {
  CHOICES,
  flagsOf,
  helpText,
  nearest,
  readFlags,
  type Script,
  UsageError,
} from "../../lib/cli/flags.ts";
import {
  parseListenerArgs,
  parsePublisherArgs,
} from "../../lib/cli/options.ts";
import { pureTests } from "../support/pure.ts";

const SCRIPTS: Script[] = ["listener", "publisher"];
const FLAGS = SCRIPTS.flatMap((script) =>
  flagsOf(script).map((flag) => ({
    ...flag,
    script,
    spellings: [`--${flag.long}`, ...flag.short ? [`-${flag.short}`] : []],
  }))
);

function fault(script: Script, ...args: string[]): string {
  const read = () => readFlags(script, args).refuseExtra();
  return assertThrows(read, UsageError, "", args.join(" ")).message;
}

const test = pureTests("flags");

test("a message is sent, whatever it looks like", () => {
  const texts = [
    ...["--help", "--version", "-h", "--", "-", "-5", "-m", "--topic=x", ""],
    ...["-ab=1", "light=on", "=", "=x", "two\nlines", "\n", "a=b\nc"],
    ...["007", "1e3", "true"],
  ];
  for (const text of texts) {
    for (
      const args of [
        ...[["-m", text], [`-m=${text}`]],
        ...[["--message", text], [`--message=${text}`]],
      ]
    ) {
      const values = readFlags("publisher", [...args, "-t", "chat/room"]);
      values.refuseExtra();
      const found = [values.one("message"), values.one("topic")];
      assertEquals(found, [text, "chat/room"], args.join(" "));
      assertFalse(values.has("help"));
    }
  }
});

test("letters may be joined, and the last may take a value", () => {
  const cases: [Script, args: string[], given: Record<string, string>][] = [
    ["listener", ["-Tcq1", "-p1884", "-ta/b"], {
      ...{ "show-topic": "", resume: "" },
      ...{ qos: "1", port: "1884", topic: "a/b" },
    }],
    ["publisher", ["-ft", "room", "-cq=0"], { topic: "room", qos: "0" }],
    ["publisher", ["-mlight=on"], { message: "light=on" }],
  ];
  for (const [script, args, given] of cases) {
    const values = readFlags(script, args);
    for (const [flag, value] of Object.entries(given)) {
      assertEquals([values.has(flag), values.one(flag) ?? ""], [true, value]);
    }
  }
});

test("a flag that lacks its value doesn't take the next flag for it", () => {
  for (const { script, long, value, spellings } of FLAGS) {
    if (value === undefined || long === "message") continue;
    for (const spelling of spellings) {
      // Its error has a test beside those of the publisher's other letters.
      if (spelling === "-n" && script === "publisher") continue;
      const subject = spelling === "-h"
        ? "-h is the broker's host and"
        : `--${long}`;
      for (const next of ["--help", "--json", "-m", "-secret"]) {
        assertEquals(
          fault(script, spelling, next),
          `${subject} needs a value; one that begins with a dash is written ` +
            `--${long}=-x.`,
        );
      }
      const empty = [[spelling, ""], [`${spelling}=`]];
      // An empty user is none.
      for (const args of [[spelling], ...long === "username" ? [] : empty]) {
        assert(fault(script, ...args).startsWith(`${subject} needs a value`));
      }
    }
  }
  assertEquals(
    fault("listener", "--completions"),
    "--completions needs a value: bash, zsh, fish.",
  );
  assertEquals(readFlags("listener", ["--name=-x-"]).one("name"), "-x-");
});

test("a switch takes no value; other flags their last one, or all", () => {
  for (const { script, long, value, isRepeatable, spellings } of FLAGS) {
    if (value === undefined) {
      assert(readFlags(script, [`--${long}`, `--${long}`]).has(long));
      for (const flag of spellings) {
        for (const word of ["no", "0", "true", ""]) {
          const message = `${flag} takes no value.`;
          assertEquals(fault(script, `${flag}=${word}`), message);
        }
      }
      continue;
    }
    const values = readFlags(script, [`--${long}=1`, `--${long}`, "2"]);
    assertEquals(values.one(long), "2");
    if (isRepeatable) assertEquals(values.all(long), ["1", "2"]);
  }
  const repeatable = FLAGS.filter((flag) => flag.isRepeatable);
  assertEquals(repeatable.map(({ script, long }) => `${script} ${long}`), [
    ...["listener topic", "listener ignore", "listener url", "listener host"],
    ...["publisher ignore", "publisher url", "publisher host"],
  ]);
});

test("an unknown flag names the nearest one", () => {
  for (
    const [arg, message] of [
      ["--topik", "unknown flag --topik; did you mean --topic?"],
      ["--topik=x", "unknown flag --topik; did you mean --topic?"],
      ["-topic", "unknown flag -topic; did you mean --topic?"],
      ["-topic=x", "unknown flag -topic; did you mean --topic?"],
      ["-cafile", "unknown flag -cafile; did you mean --cafile?"],
      ["--pass", "unknown flag --pass; did you mean --password?"],
      ["--bogus", "unknown flag --bogus."],
      ["-z", "unknown flag -z."],
      ["--no-json", "unknown flag --no-json."],
      ["--__proto__", "unknown flag --__proto__."],
      ["--toString", "unknown flag --toString."],
      ["--=secret", "unknown flag --."],
      ["--\x1b[2J", 'unknown flag "--\\u001b[2J".'],
    ]
  ) {
    for (const script of SCRIPTS) {
      assertEquals(fault(script, "-q1", arg, "x"), message);
    }
  }
  assertEquals(fault("listener", "-m", "hi"), "unknown flag -m.");
  assertEquals(fault("publisher", "-C", "1"), "unknown flag -C.");
});

test("no error repeats a password", () => {
  const hosts = [
    ...["mqtt://ann:hunter2@a b", "mqtt://ann:hunter2@a/room"],
    ...["mqtt://ann:hunter2%40a", "mqtt://a/?user=hunter2"],
    ...["http://ann:hunter2@a", "ann:hunter2@a", "mqtt://ann:hunter2@a:99999"],
  ];
  for (
    const args of [
      ...hosts.map((host) => ["-h", host]),
      ...["-p", "-q", "-k", "--color", "--timeout", "-t"]
        .map((flag) => [flag, "mqtt://ann:hunter2@a/#"]),
      ...[["--pasword=hunter2"], ["--pasword", "hunter2"], ["-zhunter2"]],
      ...[["-P", "-hunter2"], ["-P", "x", "hunter2"], ["--secret=hunter2"]],
      ...[["--secret", "hunter2"], ["--json=hunter2"], ["-f=hunter2"]],
      ...[["mqtt://ann:hunter2@a/x y"], ["ann:hunter2@a"], ["--=hunter2"]],
      ...[["-P=x", "hunter2"], ["-pw", "hunter2"], ["-pass", "hunter2"]],
      ...[["mqtt://ann:hun", "hunter2@a/b"], ["mqtt://a", "hunter2"]],
      ...[["mqtt://ann:7/hunter2@a?"], ["mqtt://ann:7/%23hunter2@a/"]],
    ]
  ) {
    for (const parse of [parseListenerArgs, parsePublisherArgs]) {
      const { message } = assertThrows(() => void parse(args), UsageError);
      assertFalse(message.includes("hunter2"), args.join(" "));
    }
  }
});

test("a mistyped word has a nearest one, a strange one has none", () => {
  const words = ["host", "history", "topic", "nick", "who", "quit"];
  const typed: Record<string, string[]> = {
    topic: ["topik", "TOPIC", "tpoic"],
    ...{ nick: ["nik"], history: ["hist"], who: ["wh", "wo"], quit: ["quti"] },
    none: ["", "x", "bogus", "room", "whereabouts", "wa", "hxt", "dobik"],
  };
  for (const [near, mistyped] of Object.entries(typed)) {
    for (const word of mistyped) {
      assertEquals(nearest(word, words) ?? "none", near, word);
    }
  }
});

for (const script of SCRIPTS) {
  const flags = flagsOf(script);

  test(`the ${script}'s help has a line of 80 columns for each flag`, () => {
    const lines = helpText(script).split("\n");
    for (const line of lines) assert(line.length <= 80, line);
    assertEquals(lines[2], `Usage: deno run -N ${script}.ts [FLAGS] [URL]`);
    const rows = lines.filter((line) => /^ +--?\w/.test(line));
    const expected = flags.map(({ long, short, value, help }) => {
      const letter = short ? `-${short}, ` : "    ";
      const spelling = `  ${letter}--${long}${value ? ` ${value}` : ""}`;
      // The descriptions make a column.
      return spelling.padEnd(28) + help;
    });
    assertEquals(rows, expected);
    const names = flags.flatMap(({ long, short }) => [long, short ?? long]);
    const letters = flags.filter(({ short }) => short !== undefined);
    assertEquals(new Set(names).size, flags.length + letters.length);
  });

  test(`the ${script}'s help colours its headings, and its examples work`, () => {
    const headings: string[] = [];
    const text = helpText(script, (heading) => {
      headings.push(heading);
      return `<${heading}>`;
    });
    assertEquals([headings[0], headings.at(-1)], ["Usage:", "Examples:"]);
    assert(headings.length >= 7);
    assertEquals(text.replaceAll(/[<>]/g, ""), helpText(script));
    const parse = script === "listener"
      ? parseListenerArgs
      : parsePublisherArgs;
    const examples = helpText(script).split("Examples:\n")[1].split("\n");
    assertEquals(examples.length, 3);
    for (const example of examples) {
      assertMatch(example, /^ {2}.*deno run -N/);
      const command = example.split(`${script}.ts `)[1].split(" | ")[0];
      const args = command.match(/'[^']*'|\S+/g) ?? [];
      parse(args.map((arg) => arg.replaceAll("'", "")));
    }
  });
}

test("a flag of a few words names them in its help", () => {
  for (const [flag, words] of Object.entries(CHOICES)) {
    const { help, value } = FLAGS.find(({ long }) => long === flag)!;
    for (const word of words) assert(`${help} ${value}`.includes(word), flag);
  }
});
