/**
 * The completion scripts of bash, zsh and fish, made from the table of flags.
 * Owns how each shell is told of a flag and its value. Pure.
 *
 * @module
 */

import { type Choices, type Flag, flagsOf, type Script } from "./flags.ts";

/** Whose words a script is for: its commands and its flags. */
interface Subject {
  script: Script;
  /** What it is called by, with spaces between. */
  commands: string;
  flags: Flag[];
}

/** The scripts as commands, which `deno task install` makes. */
export const COMMANDS: readonly {
  name: string;
  script: Script;
  /** Flags that the command brings along. */
  flags: string[];
}[] = [
  { name: "mqtt-listener", script: "listener", flags: [] },
  { name: "mqtt-publisher", script: "publisher", flags: [] },
  { name: "mqtt-chat", script: "publisher", flags: ["--follow"] },
];

/**
 * What a script is called by, without a path: compiled, by its `#!` line,
 * installed.
 *
 * @param script Which script.
 * @returns Its names.
 */
export function namesOf(script: Script): string[] {
  const commands = COMMANDS.filter((command) => command.script === script);
  return [script, `${script}.ts`, ...commands.map(({ name }) => name)];
}

/** What makes the script of each shell. */
const SHELLS: Readonly<
  Record<Choices["completions"], (subject: Subject) => string[]>
> = { bash: bashLines, zsh: zshLines, fish: fishLines };

/**
 * The text `--completions` prints. It completes the script where it is called
 * by a name of its own, as `mqtt-listener`, `./listener.ts` or `dist/listener`:
 * all three shells look a command up by the last part of its path. It does
 * nothing for `deno run listener.ts`, which is Deno's to complete.
 *
 * @param script Which script.
 * @param shell Whose syntax.
 * @returns Lines joined by newlines, without one at the end.
 */
export function completions(
  script: Script,
  shell: Choices["completions"],
): string {
  const commands = namesOf(script).join(" ");
  const flags = flagsOf(script);
  return SHELLS[shell]({ script, commands, flags }).join("\n");
}

/** A flag as it is typed, long form first. */
function spellings({ long, short }: Flag): string[] {
  return short === undefined ? [`--${long}`] : [`--${long}`, `-${short}`];
}

/** A text in single quotes, as bash and zsh read it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Bash gets no descriptions: it has no place for them. The function keeps to
 * what bash 3.2 knows, which macOS has.
 */
function bashLines({ script, commands, flags }: Subject): string[] {
  const name = `_mqtt_chat_${script}`;
  const pattern = (flags: Flag[]) => flags.flatMap(spellings).join(" | ");
  const choosing = flags.filter(({ choices }) => choices !== undefined);
  const files = flags.filter(({ file }) => file);
  const others = flags.filter((flag) =>
    flag.value !== undefined && !choosing.includes(flag) &&
    !files.includes(flag)
  );
  const once = flags.filter(({ repeat }) => !repeat);
  return [
    `# The completions of ${script} for bash.`,
    `${name}() {`,
    "  local IFS=$' \\t\\n' file='' given line prefix='' words=''",
    "  local word=${COMP_WORDS[COMP_CWORD]}",
    "  local flag=${COMP_WORDS[COMP_CWORD - 1]}",
    "  COMPREPLY=()",
    "  # --flag=value is three words, or one where = breaks no words. Before",
    "  # bash 4 it is one in any case, but what is typed is what follows the =.",
    "  if [[ $word == = ]]; then",
    "    word=''",
    "  elif [[ $flag == = ]]; then",
    "    flag=${COMP_WORDS[COMP_CWORD - 2]}",
    "  elif ((COMP_CWORD > 2)) && [[ ${COMP_WORDS[COMP_CWORD - 2]} == = ]]; then",
    "    flag=''",
    "  elif [[ $word == -*=* ]]; then",
    "    flag=${word%%=*} word=${word#*=}",
    '    [[ $COMP_WORDBREAKS == *=* ]] || prefix="$flag="',
    "  fi",
    "  case $flag in",
    ...choosing.map((flag) =>
      `    ${pattern([flag])}) words='${flag.choices?.join(" ")}' ;;`
    ),
    `    ${pattern(files)}) file=yes ;;`,
    `    ${pattern(others)}) return ;;`,
    "    *)",
    `      words=' ${flags.flatMap(spellings).join(" ")} '`,
    '      for given in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do',
    "        case ${given%%=*} in",
    ...once.map((flag) =>
      `          ${pattern([flag])}) words=\${words/ ${
        spellings(flag).join(" ")
      } / } ;;`
    ),
    "        esac",
    "      done",
    "      ;;",
    "  esac",
    '  local -a source=(-W "$words")',
    "  if [[ $file == yes ]]; then",
    "    source=(-f)",
    "    compopt -o filenames 2>/dev/null",
    "  fi",
    "  while IFS= read -r line; do",
    '    COMPREPLY+=("$line")',
    '  done < <(compgen -P "$prefix" "${source[@]}" -- "$word")',
    "}",
    `complete -F ${name} ${commands}`,
  ];
}

/** A file that zsh finds by its first line, and that can be sourced too. */
function zshLines({ script, commands, flags }: Subject): string[] {
  const name = `_${script}`;
  return [
    `#compdef ${commands}`,
    `# The completions of ${script} for zsh.`,
    `${name}() {`,
    "  _arguments -s -S : \\",
    flags.flatMap(zshSpecs).map((spec) => `    ${quoted(spec)}`)
      .join(" \\\n"),
    "}",
    "# While completing, zsh has found this file; else somebody sources it.",
    "if ((${+compstate})); then",
    `  ${name} "$@"`,
    "else",
    `  compdef ${name} ${commands}`,
    "fi",
  ];
}

/** What `_arguments` is told of a flag: one text for each of its spellings. */
function zshSpecs(flag: Flag): string[] {
  const { choices, file, repeat, value } = flag;
  const names = spellings(flag);
  const before = repeat ? "*" : `(${names.join(" ")})`;
  const help = flag.help.replace(/[\\[\]]/g, "\\$&");
  // An action that is one space offers nothing, and shows the value's name.
  const action = choices ? `(${choices.join(" ")})` : file ? "_files" : " ";
  const after = value === undefined
    ? ""
    : `:${value.replace(/[\\:]/g, "\\$&")}:${action}`;
  return names.map((name) => {
    const equals = value !== undefined && name.startsWith("--") ? "=" : "";
    return `${before}${name}${equals}[${help}]${after}`;
  });
}

/** Fish offers a flag again and again, unless a condition says not to. */
function fishLines({ script, commands, flags }: Subject): string[] {
  const lacks = `__mqtt_chat_${script}_lacks`;
  const complete = `complete ${
    commands.split(" ").map((command) => `-c ${command}`).join(" ")
  }`;
  return [
    `# The completions of ${script} for fish.`,
    `function ${lacks} -a kind -d 'Whether a flag was not given yet'`,
    "    set -e argv[1]",
    "    set -l words (commandline -opc)",
    "    # One that waits for its value counts as not given.",
    '    test "$kind" = value; and contains -- $words[-1] $argv; and return 0',
    "    for word in $words",
    "        contains -- (string replace -r '=.*' '' -- $word) $argv",
    "        and return 1",
    "    end",
    "    return 0",
    "end",
    `${complete} -f`,
    ...flags.map((flag) => {
      const kind = flag.value === undefined ? "switch" : "value";
      const condition = [lacks, kind, ...spellings(flag)].join(" ");
      return [
        complete,
        ...flag.repeat ? [] : [`-n '${condition}'`],
        ...flag.short === undefined ? [] : [`-s ${flag.short}`],
        `-l ${flag.long}`,
        ...fishValue(flag),
        `-d ${fishQuoted(flag.help)}`,
      ].join(" ");
    }),
  ];
}

/** How fish is told what value a flag takes. */
function fishValue({ choices, file, value }: Flag): string[] {
  if (choices !== undefined) return [`-x -a '${choices.join(" ")}'`];
  if (file) return ["-r -F"];
  return value === undefined ? [] : ["-x"];
}

/** A text in single quotes, as fish reads it. */
function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
