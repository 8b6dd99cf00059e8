import { assert, assertEquals, assertMatch } from "@std/assert";
import { flagsOf, type Script } from "../../lib/cli/flags.ts";
import { helpText } from "../../lib/cli/help.ts";
import {
  parseListenerArgs,
  parsePublisherArgs,
} from "../../lib/cli/options.ts";

const SCRIPTS: Script[] = ["listener", "publisher"];

for (const script of SCRIPTS) {
  Deno.test(`help: the ${script}'s fits 80x24 and has it all`, () => {
    const text = helpText(script);
    const lines = text.split("\n");
    // The shell's prompt takes the 24th.
    assert(lines.length <= 23, `${lines.length} lines`);
    for (const line of lines) assert(line.length <= 80, line);
    for (const { long, short, value } of flagsOf(script)) {
      const spelling = `${short ? `-${short}, ` : ""}--${long}${
        value ? ` ${value}` : ""
      }  `;
      assert(text.includes(spelling), spelling);
    }
    const examples = lines.slice(lines.indexOf("Examples") + 1);
    assertEquals(examples.length, 3);
    for (const example of examples) assertMatch(example, /^ {2}.*deno run -N/);
    const groups = lines.slice(1, -4).filter((line) => /^\w/.test(line));
    assert(groups.length >= 5, `${groups.length} groups`);
  });

  Deno.test(`help: the ${script}'s examples can be followed`, () => {
    const parse = script === "listener"
      ? parseListenerArgs
      : parsePublisherArgs;
    for (const example of helpText(script).split("\n").slice(-3)) {
      const command = example.split(`${script}.ts `)[1].split(" | ")[0];
      const args = command.match(/'[^']*'|\S+/g) ?? [];
      parse(args.map((arg) => arg.replaceAll("'", "")));
    }
  });
}

Deno.test("flags: no two of a script have a name in common", () => {
  for (const script of SCRIPTS) {
    const names = flagsOf(script)
      .flatMap(({ long, short }) => [long, ...short ? [short] : []]);
    assertEquals(names.length, new Set(names).size);
  }
});
