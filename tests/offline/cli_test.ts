/**
 * What the project takes from `jsr:@std/cli` and `jsr:@std/fmt`. These pass
 * alike with the real packages and with the stand-ins.
 *
 * @module
 */

import { assertEquals, assertFalse } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { unicodeWidth } from "@std/cli/unicode-width";
import * as colors from "@std/fmt/colors";

/** The kinds of flag there are, as the scripts use them. */
function parse(args: string[]) {
  const strangers: unknown[][] = [];
  const parsed = parseArgs(args, {
    boolean: ["quiet", "debug"],
    string: ["_", "host", "port", "topic"],
    collect: ["topic"],
    alias: { host: "h", port: "p", topic: "t", quiet: "q" },
    unknown: (arg, key, value) => {
      strangers.push([arg, key, value]);
      return key === undefined;
    },
  });
  const quiet: boolean = parsed.quiet;
  const port: string | undefined = parsed.port;
  const topic: string[] = parsed.topic;
  const host: string | undefined = parsed.host;
  const [p, t]: unknown[] = [parsed.p, parsed.t];
  const _: unknown[] = parsed._;
  return { ...parsed, quiet, port, topic, host, p, t, _, strangers };
}

Deno.test("parseArgs reads every way to give a value", () => {
  const cases: [string[], string | undefined][] = [
    [["-p1883"], "1883"],
    [["-p", "1883"], "1883"],
    [["-p=1883"], "1883"],
    [["--port=1883"], "1883"],
    [["--port", "1883"], "1883"],
    [["--port=a=b"], "a=b"],
    [["--port=-5"], "-5"],
    [["-p-5"], "-5"],
    [["--port=0x10"], "0x10"],
    [["--port=1e3"], "1e3"],
    [["--port=true"], "true"],
    [["--port="], ""],
    [["--port"], ""],
    [["-p"], ""],
    [["-p="], ""],
    [["--port", ""], ""],
    [["--port", "--quiet"], ""],
    [["--port", "-5"], ""],
    [["-p", "-"], "-"],
    [["--port", "-"], ""],
    [["--port", "1", "--port", "2"], "2"],
    [[], undefined],
    // A group that ends in digits is the value of its first letter.
    [["-qp1883"], undefined],
  ];
  for (const [args, port] of cases) {
    assertEquals(parse(args).port, port, args.join(" "));
    assertEquals(parse(args).p, port, args.join(" "));
  }
});

Deno.test("parseArgs reads switches", () => {
  const cases: [string[], boolean, boolean][] = [
    [[], false, false],
    [["--quiet"], true, false],
    [["-q"], true, false],
    [["-q", "--debug"], true, true],
    [["--quiet=false"], false, false],
    [["--quiet", "false"], false, false],
    [["--quiet", "true"], true, false],
    [["--quiet=no"], true, false],
    [["--quiet", "--quiet"], true, false],
  ];
  for (const [args, quiet, debug] of cases) {
    const parsed = parse(args);
    assertEquals([parsed.quiet, parsed.debug], [quiet, debug], args.join(" "));
  }
  assertEquals(parse(["-q", "chat"])._, ["chat"]);
});

Deno.test("parseArgs collects, and keeps what is no flag", () => {
  assertEquals(parse([]).topic, []);
  assertEquals(parse(["-t", "a", "--topic=b", "--topic", "c"]).topic, [
    "a",
    "b",
    "c",
  ]);
  assertEquals(parse(["-t", "a"]).t, ["a"]);
  assertEquals(parse(["-h", "broker"]).host, "broker");
  assertEquals(parse(["-h127.0.0.1"]).host, "127.0.0.1");
  assertEquals(parse(["1", "-", "", "a b", "--", "-q", "2"])._, [
    "1",
    "-",
    "",
    "a b",
    "-q",
    "2",
  ]);
  assertFalse(parse(["--", "-q"]).quiet);
});

Deno.test("parseArgs tells strangers", () => {
  assertEquals(parse(["--hots", "x"]).strangers, [["--hots", "hots", "x"]]);
  assertEquals(parse(["--hots=x"]).strangers, [["--hots=x", "hots", "x"]]);
  assertEquals(parse(["-z"]).strangers, [["-z", "z", true]]);
  assertEquals(parse(["-qz"]).strangers, [["-qz", "z", true]]);
  assertEquals(parse(["-hbroker", "x"]).strangers[0], ["-hbroker", "b", true]);
  assertEquals(parse(["-abc"]).strangers.map(([, key]) => key), [
    "a",
    "b",
    "c",
  ]);
  assertEquals(parse(["--no-quiet"]).strangers, [
    ["--no-quiet", "no-quiet", true],
  ]);
  assertEquals(parse(["--port=1", "-q"]).strangers, []);
  assertEquals(parse(["--__proto__=x"]).strangers.length, 1);
  assertEquals(parse(["a"]).strangers, [["a", undefined, undefined]]);
  assertFalse("hots" in parse(["--hots", "x"]));
});

Deno.test("unicodeWidth sums the cells of code points", () => {
  const widths: [string, number][] = [
    ["", 0],
    ["plain ~", 7],
    ["é e\u0301", 3],
    ["天地玄黃", 8],
    ["ｆｕｌｌ", 8],
    ["ｶﾅ", 2],
    ["한국어", 6],
    ["Привет", 6],
    ["שלום", 4],
    ["ไทย", 3],
    ["हिन्दी", 5],
    ["👋", 2],
    ["👩\u200D👩\u200D👧", 6],
    ["👍🏽", 4],
    ["❤", 1],
    ["\u200B\uFE0F", 0],
    ["\x00\x1b\x7f\x9b", 0],
    ["€“”…–", 5],
  ];
  for (const [text, width] of widths) {
    assertEquals(unicodeWidth(text), width, text);
  }
});

Deno.test("colours write exact escapes, or none", () => {
  // NO_COLOR wins over all: then every function returns its text.
  const on = (text: string, plain: string) => Deno.noColor ? plain : text;
  const codes: [(text: string) => string, string, number][] = [
    [colors.bold, "1", 22],
    [colors.dim, "2", 22],
    [colors.italic, "3", 23],
    [colors.underline, "4", 24],
    [colors.inverse, "7", 27],
    [colors.red, "31", 39],
    [(text) => colors.rgb8(text, 208), "38;5;208", 39],
  ];
  for (const [paint, open, close] of codes) {
    assertEquals(paint("a b"), on(`\x1b[${open}ma b\x1b[${close}m`, "a b"));
    assertEquals(paint(""), on(`\x1b[${open}m\x1b[${close}m`, ""));
  }
  assertEquals(
    colors.red(`a${colors.rgb8("b", 4)}c`),
    on("\x1b[31ma\x1b[38;5;4mb\x1b[31mc\x1b[39m", "abc"),
  );
  try {
    colors.setColorEnabled(false);
    assertEquals(colors.red("a"), "a");
  } finally {
    colors.setColorEnabled(true);
  }
  assertEquals(colors.red("a"), on("\x1b[31ma\x1b[39m", "a"));
});
