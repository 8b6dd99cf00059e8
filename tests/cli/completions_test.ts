import { assertEquals } from "@std/assert";
import { completions } from "../../lib/cli/completions.ts";
import { CHOICES, flagsOf, type Script } from "../../lib/cli/flags.ts";
import { gate } from "../support/gates.ts";
import { run } from "../support/processes.ts";
import {
  COMMANDS,
  FILES,
  fishLists,
  type Shell,
  SHELLS,
  zshList,
} from "../support/shells.ts";

const SCRIPTS: Script[] = ["listener", "publisher"];

/** The flags of a script as they are typed, in the order of code units. */
function spellings(script: Script): string[] {
  return flagsOf(script)
    .flatMap(({ long, short }) => [`--${long}`, ...short ? [`-${short}`] : []])
    .sort();
}

/** What is typed, and the offers for its last word. */
type Case = [line: string, offers: readonly string[]];

function cases(script: Script): Case[] {
  const { qos } = CHOICES;
  return [
    [`${script} -`, spellings(script)],
    ...flagsOf(script).flatMap(({ long, choices, file }): Case[] =>
      choices
        ? [[`${script} --${long} `, choices]]
        : file
        ? [[`${script} --${long} pem/`, FILES]]
        : []
    ),
    [`${script} -q `, qos],
    [`${script} --qos=`, qos],
    [`${script} --color a`, ["always", "auto"]],
    [`${script} --color=a`, ["always", "auto"]],
    [`${script} --cafile=pem/`, FILES],
    // No file where the value is a text, or where no value is.
    [`${script} --name p`, []],
    [`${script} --name=p`, []],
    [`${script} p`, []],
    // Again and again: the last one counts.
    [`${script} --qos 1 --q`, ["--qos", "--quiet"]],
    // A value is no flag, whatever it looks like.
    [`${script} --name=--color --qo`, ["--qos"]],
    [`${script} --name switch --q`, ["--qos", "--quiet"]],
    // By every name.
    [`./${script} --color=n`, ["never"]],
    [`./${script}.ts --qos `, qos],
    ...COMMANDS[script].map((name): Case => [`${name} --qos `, qos]),
  ];
}

function shellTest({ name, missing }: Shell) {
  return (what: string, fn: () => Promise<void>) =>
    gate(missing)(`completions: ${name} ${what}`, fn);
}

for (const shell of SHELLS) {
  for (const script of SCRIPTS) {
    shellTest(shell)(`completes the ${script}'s flags and values`, async () => {
      const wanted = cases(script);
      const offers = await shell.offers(script, wanted.map(([line]) => line));
      assertEquals(
        offers.map((words, index) => [wanted[index][0], words.sort()]),
        wanted.map(([line, words]) => [line, [...words].sort()]),
      );
    });
  }
}

/** The shell whose name is the word, however it loads its completions. */
const shellOf = (word: string) =>
  SHELLS.find(({ name }) => name.startsWith(word))!;

shellTest(shellOf("zsh"))("describes the flags", async () => {
  for (const script of SCRIPTS) {
    const shown = await zshList(script, `${script} -`);
    const rows = shown.split(/\r*\n/).map((row) => row.trimEnd().split(" -- "));
    for (const { long, help } of flagsOf(script)) {
      const row = rows.find(([flag]) => flag.startsWith(`--${long} `));
      assertEquals(row?.[1], help, long);
    }
  }
});

shellTest(shellOf("fish"))("describes the flags", async () => {
  for (const script of SCRIPTS) {
    const [shown] = await fishLists(script, [`${script} -`]);
    for (const { long, short, help } of flagsOf(script)) {
      for (const flag of [`--${long}`, ...short ? [`-${short}`] : []]) {
        assertEquals(shown.includes(`${flag}\t${help}`), true, flag);
      }
    }
  }
});

Deno.test("completions: the scripts print them, with no permission", async () => {
  const args = ["-q", "9", "--completions", "bash"];
  for (const script of SCRIPTS) {
    assertEquals(await run(`${script}.ts`, args, { permissions: [] }), {
      code: 0,
      stdout: completions(script, "bash") + "\n",
      stderr: "",
    });
  }
});
