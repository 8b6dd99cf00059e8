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
const FLAGS = SCRIPTS.flatMap(flagsOf);

function fault(script: Script, ...args: string[]): string {
  return assertThrows(
    () => readFlags(script, args).refuseExtra(),
    UsageError,
    "",
    args.join(" "),
  ).message;
}

const test = pureTests("flags");

test("a message is sent, whatever it looks like", () => {
  const texts = [
    ...["--help", "--version", "-h", "--", "-", "-5", "-m", "--topic=x", ""],
    ...["-ab=1", "light=on", "=", "=x", "two\nlines", "\n", "a=b\nc"],
    ...["007", "1e3", "true"],
  ];
  for (const text of texts) {
    const spellings = [["-m", text], ["--message", text], [
      `--message=${text}`,
    ]];
    for (const args of [...spellings, [`-m=${text}`]]) {
      const values = readFlags("publisher", [...args, "-t", "chat/room"]);
      values.refuseExtra();
      assertEquals(
        [values.one("message"), values.one("topic"), values.has("help")],
        [text, "chat/room", false],
        args.join(" "),
      );
    }
  }
  assertEquals(
    readFlags("publisher", ["-mlight=on"]).one("message"),
    "light=on",
  );
});

test("letters may be joined, and the last may take a value", () => {
  const listener = readFlags("listener", ["-Tcq1", "-p1884", "-ta/b"]);
  assertEquals(
    [listener.has("show-topic"), listener.has("resume")],
    [true, true],
  );
  assertEquals(
    ["qos", "port", "topic"].map((flag) => listener.one(flag)),
    ["1", "1884", "a/b"],
  );
  const publisher = readFlags("publisher", ["-ft", "room", "-cq=0"]);
  assertEquals(
    [publisher.one("topic"), publisher.one("qos")],
    ["room", "0"],
  );
});

test("a flag that lacks its value doesn't take the next flag for it", () => {
  for (const script of SCRIPTS) {
    for (const { long, short, value } of flagsOf(script)) {
      if (value === undefined || long === "message") continue;
      for (const spelling of [`--${long}`, ...short ? [`-${short}`] : []]) {
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
  }
  assertEquals(
    fault("listener", "--completions"),
    "--completions needs a value: bash, zsh, fish.",
  );
  assertEquals(readFlags("listener", ["--name=-x-"]).one("name"), "-x-");
});

test("a switch takes no value", () => {
  for (const { long, short, value } of FLAGS) {
    if (value !== undefined) continue;
    for (const word of ["no", "0", "true", ""]) {
      for (const flag of [`--${long}`, ...short ? [`-${short}`] : []]) {
        const script = flagsOf("listener").some((it) => it.long === long)
          ? "listener"
          : "publisher";
        assertEquals(
          fault(script, `${flag}=${word}`),
          `${flag} takes no value.`,
        );
      }
    }
  }
});

test("a repeated flag takes its last value; repeatable ones take all", () => {
  for (const script of SCRIPTS) {
    for (const { long, value, isRepeatable } of flagsOf(script)) {
      if (value === undefined) {
        assert(readFlags(script, [`--${long}`, `--${long}`]).has(long));
        continue;
      }
      const values = readFlags(script, [`--${long}=1`, `--${long}`, "2"]);
      assertEquals(values.one(long), "2");
      if (isRepeatable) assertEquals(values.all(long), ["1", "2"]);
    }
  }
  const repeatable = (script: Script) =>
    flagsOf(script).filter((flag) => flag.isRepeatable).map(({ long }) => long);
  assertEquals(repeatable("listener"), ["topic", "ignore", "url", "host"]);
  assertEquals(repeatable("publisher"), ["ignore", "url", "host"]);
});

test("an unknown flag names the nearest one", () => {
  for (
    const [arg, message] of [
      ["--topik", "unknown flag --topik; did you mean --topic?"],
      ["--topik=x", "unknown flag --topik; did you mean --topic?"],
      ["-topic", "unknown flag -topic; did you mean --topic?"],
      ["-topic=x", "unknown flag -topic; did you mean --topic?"],
      [
        "-password-file",
        "unknown flag -password-file; did you mean --password-file?",
      ],
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
  const found = ["topik", "nik", "TOPIC", "tpoic", "hist", "wh", "quti", "wo"]
    .map((word) => nearest(word, words));
  assertEquals(
    found,
    ["topic", "nick", "topic", "topic", "history", "who", "quit", "who"],
  );
  for (const word of ["", "x", "bogus", "room", "whereabouts"]) {
    assertEquals(nearest(word, words), undefined, word);
  }
});

for (const script of SCRIPTS) {
  test(`the ${script}'s help has a line of 80 columns for each flag`, () => {
    const lines = helpText(script).split("\n");
    for (const line of lines) assert(line.length <= 80, line);
    assertEquals(lines[2], `Usage: deno run -N ${script}.ts [FLAGS] [URL]`);
    const rows = lines.filter((line) => /^ +--?\w/.test(line));
    assertEquals(rows.length, flagsOf(script).length);
    for (
      const [index, { long, short, value, help }] of flagsOf(script).entries()
    ) {
      const letter = short ? `-${short}, ` : "    ";
      const spelling = `  ${letter}--${long}${value ? ` ${value}` : ""}`;
      // The descriptions make a column.
      assertEquals(rows[index], spelling.padEnd(28) + help);
    }
  });

  test(`the ${script}'s help colours its headings`, () => {
    const headings: string[] = [];
    const text = helpText(script, (heading) => {
      headings.push(heading);
      return `<${heading}>`;
    });
    assertEquals(headings[0], "Usage:");
    assertEquals(headings.at(-1), "Examples:");
    assert(headings.length >= 7);
    assertEquals(text.replaceAll(/[<>]/g, ""), helpText(script));
  });

  test(`the ${script}'s examples can be followed`, () => {
    const parse = script === "listener"
      ? parseListenerArgs
      : parsePublisherArgs;
    const [, examples] = helpText(script).split("Examples:\n");
    assertEquals(examples.split("\n").length, 3);
    for (const example of examples.split("\n")) {
      assertMatch(example, /^ {2}.*deno run -N/);
      const command = example.split(`${script}.ts `)[1].split(" | ")[0];
      const args = command.match(/'[^']*'|\S+/g) ?? [];
      parse(args.map((arg) => arg.replaceAll("'", "")));
    }
  });

  test(`no two of the ${script}'s flags have a name in common`, () => {
    const names = flagsOf(script)
      .flatMap(({ long, short }) => [long, ...short ? [short] : []]);
    assertEquals(names.length, new Set(names).size);
  });
}

test("words and names need no quotes in any shell", () => {
  for (const { long, short = "x", choices = [], value } of FLAGS) {
    for (const word of choices) assertMatch(word, /^\w+$/);
    assertMatch(long, /^[a-z]+(-[a-z]+)*$/);
    assertMatch(short, /^[a-zA-Z]$/);
    if (value !== undefined) assertMatch(value, /^[A-Z0-9|]+$/);
  }
});

test("a flag of a few words names them in its help", () => {
  for (const [flag, words] of Object.entries(CHOICES)) {
    const { help, value } = FLAGS.find(({ long }) => long === flag)!;
    for (const word of words) assert(`${help} ${value}`.includes(word), flag);
  }
});
