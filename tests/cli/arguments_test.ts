import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/arguments.ts";
import { flagsOf, type Script } from "../../lib/cli/flags.ts";
import {
  parseListenerArgs,
  parsePublisherArgs,
} from "../../lib/cli/options.ts";
import { pureTests } from "../support/pure.ts";

const PARSERS = { listener: parseListenerArgs, publisher: parsePublisherArgs };

/** Texts that look like something else. */
const TEXTS = [
  ...["--help", "--version", "-h", "--", "-", "-5", "-m", "--topic=x"],
  ...["two\nlines", "\n", "a=b\nc"],
];

const test = pureTests("arguments");

test("a message is sent, whatever it looks like", () => {
  for (const text of TEXTS) {
    for (const args of [["-m", text], ["--message", text], [`-m=${text}`]]) {
      const request = parsePublisherArgs([...args, "-t", "chat/room"]);
      assertEquals(
        request.action === "run" &&
          [request.options.message, request.options.topic],
        [text, "chat/room"],
        args.join(" "),
      );
    }
  }
});

test("a flag that lacks its value never gives it to another", () => {
  for (const script of ["listener", "publisher"] satisfies Script[]) {
    for (const { long, short, value } of flagsOf(script)) {
      if (value === undefined || long === "message") continue;
      const spellings = [
        `--${long}`,
        ...short === undefined ? [] : [`-${short}`],
      ];
      for (const spelling of spellings) {
        for (const next of ["--help", "--version", "--json", "-m"]) {
          const { message } = assertThrows(
            () => PARSERS[script]([spelling, next]),
            UsageError,
          );
          assertEquals(
            message,
            `--${long} needs a value that is not empty; one that begins with ` +
              `a dash is written --${long}=-x.`,
          );
        }
      }
    }
  }
});

test("letters written as one: the last may take the value", () => {
  const { message } = assertThrows(
    () => parseListenerArgs(["-cTt", "--help"]),
    UsageError,
  );
  assertEquals(message.startsWith("--topic needs a value"), true);
  const request = parseListenerArgs(["-Tct", "a", "-i", "me"]);
  assertEquals(
    request.action === "run" &&
      [request.options.topics, request.options.resume],
    [["a"], true],
  );
});

test("what stands behind -- is no flag", () => {
  assertThrows(
    () => parsePublisherArgs(["--", "-m", "--help"]),
    UsageError,
    '"-m" belongs to no flag',
  );
});
