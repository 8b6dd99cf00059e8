/**
 * The completion scripts in real shells: what they offer at the end of a line.
 * Each shell runs in a folder of its own, in which the script is a program that
 * writes down its arguments.
 */

import { assert, assertEquals } from "@std/assert";
import { completions } from "../../lib/cli/completions.ts";
import {
  CHOICES,
  type Choices,
  flagsOf,
  type Script,
} from "../../lib/cli/flags.ts";
import { gate, missing } from "../support/gates.ts";
import { Folder } from "../support/keys.ts";
import { run, spawn } from "../support/processes.ts";

type Kind = Choices["completions"];

/** The names that a script is called by: its own, compiled, installed. */
const COMMANDS = {
  listener: ["listener", "listener.ts", "mqtt-listener"],
  publisher: ["publisher", "publisher.ts", "mqtt-publisher", "mqtt-chat"],
};
const SCRIPTS: Script[] = ["listener", "publisher"];

/** The file a program of the folder adds a line of arguments to. */
const RECORD = "arguments";
const PROGRAM = `#!/bin/sh
printf '%s\\t' "$@" >>"$HOME/${RECORD}"
echo >>"$HOME/${RECORD}"
`;

/** The PEM files of the folder that lines can name. */
const FILES = ["pem/my \\own.pem", "pem/other.pem"];

/** A folder to complete in. Programs find themselves there by $HOME. */
class Place extends Folder {
  constructor(readonly script: Script, shell: Kind) {
    super();
    this.write(`_${script}`, completions(script, shell) + "\n");
    Deno.mkdirSync(`${this.path}/pem`);
    for (const file of [...FILES, RECORD]) this.write(file, "");
    for (const name of COMMANDS[script]) {
      this.write(name, PROGRAM);
      Deno.chmodSync(`${this.path}/${name}`, 0o755);
    }
  }

  async run(program: string, args: string[], stdin = ""): Promise<string> {
    const env = { HOME: this.path, INPUTRC: "/dev/null", TERM: "dumb" };
    await using process = spawn(program, args, { cwd: this.path, env });
    return (await process.finish(stdin)).stdout;
  }

  /** The arguments that were written down, those of a line in a row. */
  get rows(): string[] {
    return Deno.readTextFileSync(`${this.path}/${RECORD}`).split("\n");
  }
}

/** Completes lines; returns the words of each, parted by tabs. */
type Complete = (place: Place, lines: string[]) => Promise<string[]>;

/** Bash: its line editor reads pipes, and its ESC * types all that it has. */
const bash = (setting = ""): Complete => async (place, lines) => {
  const load = `source ./_${place.script}`;
  place.write("setup", `PS1=; PATH=$HOME:$PATH; ${setting}\n${load}\n`);
  // Without a session of its own it would take the terminal of the tests.
  const args = ["bash", "--noprofile", "--rcfile", "./setup", "-i"];
  const typed = lines.map((line) => `${line}\x1b*\n`).join("");
  await place.run("setsid", args, typed);
  return place.rows;
};

/** Runs zsh in a terminal of its own, types lines, and prints what it shows. */
const ZSH_DRIVER = `zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner 'stty cols 200; source ./setup'
for line; do zpty -w -n inner $line$'\\t\\n'; done
zpty -w inner exit
while zpty -r inner shown; do print -rn -- $shown; done
`;

async function runZsh(
  place: Place,
  load: string,
  ending: string,
  lines: string[],
): Promise<string> {
  place.write(
    "setup",
    `PS1= PS2= LISTMAX=1000 PATH=$HOME:$PATH
autoload -Uz compinit
${load}
tab() { _main_complete; ${ending} }
zle -C tab complete-word tab
bindkey '^I' tab
`,
  );
  place.write("driver", ZSH_DRIVER);
  return await place.run("zsh", ["-f", "./driver", ...lines]);
}

/** Zsh that types all that it has, by its own way to load completions. */
const zsh = (load: string): Complete => async (place, lines) => {
  await runZsh(place, load, "compstate[insert]=all compstate[list]=", lines);
  return place.rows;
};
const SOURCED = "compinit -D -u; source ./_*";

/** What fish lists for lines: an offer, a tab and its description each. */
async function fishLists(place: Place, lines: string[]): Promise<string[][]> {
  const commands = `source ./_*; set -p PATH $HOME
for line in $argv; complete -C $line; echo =; end`;
  const args = ["--no-config", "-c", commands, "--", ...lines];
  const shown = await place.run("fish", args);
  return shown.split("=\n").map((list) => list.split("\n").filter(Boolean));
}

const fish: Complete = async (place, lines) => {
  const lists = await fishLists(place, lines);
  return lines.map((line, index) => {
    const offers = lists[index].map((offer) => offer.split("\t")[0]);
    return [...line.split(" ").slice(1, -1), ...offers].join("\t");
  });
};

/** Every shell, by every way its completions are loaded. */
const SHELLS: [name: string, Kind, Complete][] = [
  ["bash", "bash", bash()],
  [
    "bash where = breaks no word",
    "bash",
    bash("COMP_WORDBREAKS=${COMP_WORDBREAKS//=}"),
  ],
  ["zsh, sourced", "zsh", zsh(SOURCED)],
  ["zsh, in fpath", "zsh", zsh("fpath=($HOME $fpath); compinit -D -u")],
  ["fish", "fish", fish],
];

const shellTest = (kind: Kind) =>
  gate(missing(kind) ?? (kind === "bash" ? missing("setsid") : undefined));

/** What was offered for the last word of a line, of all its words. */
function offersIn(line: string, written: string): string[] {
  const before = line.split(" ").slice(1);
  const last = before.pop() ?? "";
  const words = written.split("\t").filter(Boolean).slice(before.length);
  const flag = last.slice(0, last.indexOf("=") + 1);
  // Bash has the flag in the first word only, where = breaks words.
  const isKept = words.length === 0 || words[0].startsWith(flag);
  if (!isKept) throw new Error(`${line} became ${words.join(" ")}`);
  return words.filter((word) => word !== last)
    .map((word) => word.startsWith(flag) ? word.slice(flag.length) : word);
}

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

for (const [name, kind, complete] of SHELLS) {
  for (const script of SCRIPTS) {
    const title = `completions: ${name} completes the ${script}'s flags`;
    shellTest(kind)(title, async () => {
      await using place = new Place(script, kind);
      const wanted = cases(script);
      const rows = await complete(place, wanted.map(([line]) => line));
      assertEquals(
        wanted.map(([line], i) => [line, offersIn(line, rows[i]).sort()]),
        wanted.map(([line, offers]) => [line, [...offers].sort()]),
      );
    });
  }
}

shellTest("zsh")("completions: zsh describes the flags", async () => {
  for (const script of SCRIPTS) {
    await using place = new Place(script, "zsh");
    const ending = "compstate[insert]= compstate[list]='list force'";
    const shown = await runZsh(place, SOURCED, ending, [`${script} -`]);
    const rows = shown.split(/\r*\n/).map((row) => row.trimEnd().split(" -- "));
    for (const { long, help } of flagsOf(script)) {
      const row = rows.find(([flag]) => flag.startsWith(`--${long} `));
      assertEquals(row?.[1], help, long);
    }
  }
});

shellTest("fish")("completions: fish describes the flags", async () => {
  for (const script of SCRIPTS) {
    await using place = new Place(script, "fish");
    const [shown] = await fishLists(place, [`${script} -`]);
    for (const { long, short, help } of flagsOf(script)) {
      for (const flag of [`--${long}`, ...short ? [`-${short}`] : []]) {
        assert(shown.includes(`${flag}\t${help}`), flag);
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
