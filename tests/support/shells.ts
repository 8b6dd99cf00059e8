/**
 * Real shells with the completion script of one of ours: what they offer at the
 * end of a line. Each runs in a folder of its own, in which the script is a
 * program that writes down its arguments.
 */

import { completions } from "../../lib/cli/completions.ts";
import type { Choices, Script } from "../../lib/cli/flags.ts";
import { missing } from "./gates.ts";
import { Folder } from "./keys.ts";
import { spawn } from "./processes.ts";

export interface Shell {
  name: string;
  /** Why it can't be run, if it can't. */
  missing?: string;
  /** The offers for the last word of each line, in no order. */
  offers(script: Script, lines: string[]): Promise<string[][]>;
}

/** The names that a script is called by: its own, compiled, installed. */
export const COMMANDS = {
  listener: ["listener", "listener.ts", "mqtt-listener"],
  publisher: ["publisher", "publisher.ts", "mqtt-publisher", "mqtt-chat"],
};

/** The file a program of the folder adds a line of arguments to. */
const RECORD = "arguments";
const PROGRAM = `#!/bin/sh
printf '%s\\t' "$@" >>"$HOME/${RECORD}"
echo >>"$HOME/${RECORD}"
`;

/** The PEM files of the folder that lines can name. */
export const FILES = ["pem/my own.pem", "pem/other.pem"];

/** A folder to complete in. Programs find themselves there by $HOME. */
class Place extends Folder {
  constructor(script: Script, shell: Choices["completions"]) {
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

  /** What was offered for each line, by the arguments written down. */
  offers(lines: string[]): string[][] {
    const rows = Deno.readTextFileSync(`${this.path}/${RECORD}`).split("\n");
    return lines.map((line, index) => offersIn(line, rows[index]));
  }
}

/** What was offered for the last word of a line, of all its arguments. */
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

/** Bash: its line editor reads pipes, and its ESC * types all that it has. */
function bash(name: string, setting = ""): Shell {
  return {
    name,
    missing: missing("bash") ?? missing("setsid"),
    async offers(script, lines) {
      await using place = new Place(script, "bash");
      const setup = `PS1=; PATH=$HOME:$PATH; ${setting}\nsource ./_${script}\n`;
      place.write("setup", setup);
      // Without a session of its own it would take the terminal of the tests.
      const args = ["bash", "--noprofile", "--rcfile", "./setup", "-i"];
      const typed = lines.map((line) => `${line}\x1b*\n`).join("");
      await place.run("setsid", args, typed);
      return place.offers(lines);
    },
  };
}

/** Runs zsh in a terminal of its own, types lines, and prints what it shows. */
const ZSH_DRIVER = `zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner 'stty cols 200; source ./setup'
for line; do zpty -w -n inner $line$'\\t\\n'; done
zpty -w inner exit
while zpty -r inner shown; do print -rn -- $shown; done
`;

const sourced = (script: Script) => `compinit -D -u; source ./_${script}`;

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
function zsh(name: string, load: (script: Script) => string): Shell {
  return {
    name,
    missing: missing("zsh"),
    async offers(script, lines) {
      await using place = new Place(script, "zsh");
      const ending = "compstate[insert]=all compstate[list]=";
      await runZsh(place, load(script), ending, lines);
      return place.offers(lines);
    },
  };
}

export async function zshList(script: Script, line: string): Promise<string> {
  await using place = new Place(script, "zsh");
  const ending = "compstate[insert]= compstate[list]='list force'";
  return await runZsh(place, sourced(script), ending, [line]);
}

/** What fish lists for lines: an offer, a tab and its description each. */
export async function fishLists(
  script: Script,
  lines: string[],
): Promise<string[][]> {
  await using place = new Place(script, "fish");
  const commands = `source ./_${script}; set -p PATH $HOME
for line in $argv; complete -C $line; echo =; end`;
  const args = ["--no-config", "-c", commands, "--", ...lines];
  const shown = await place.run("fish", args);
  return shown.split("=\n").map((list) => list.split("\n").filter(Boolean));
}

const fish: Shell = {
  name: "fish",
  missing: missing("fish"),
  async offers(script, lines) {
    const lists = await fishLists(script, lines);
    return lines.map((line, index) => {
      const offers = lists[index].map((offer) => offer.split("\t")[0]);
      const before = line.split(" ").slice(1, -1);
      return offersIn(line, [...before, ...offers].join("\t"));
    });
  },
};

/** Every shell, by every way its completions are loaded. */
export const SHELLS: Shell[] = [
  bash("bash"),
  bash("bash where = breaks no word", "COMP_WORDBREAKS=${COMP_WORDBREAKS//=}"),
  zsh("zsh, sourced", sourced),
  zsh("zsh, in fpath", () => "fpath=($HOME $fpath); compinit -D -u"),
  fish,
];
