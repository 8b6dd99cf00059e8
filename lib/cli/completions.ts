/**
 * The completion scripts of bash, zsh and fish. All three look a command up by
 * the last part of its path; they do nothing for `deno run listener.ts`, which
 * is Deno's to complete.
 */

import { type Choices, type Flag, flagsOf, type Script } from "./flags.ts";

/** The names that a script is called by: its own, compiled, installed. */
const NAMES: Readonly<Record<Script, readonly string[]>> = {
  listener: ["listener", "listener.ts", "mqtt-listener"],
  publisher: ["publisher", "publisher.ts", "mqtt-publisher", "mqtt-chat"],
};

const SHELLS = { bash, zsh, fish };

/** Returns the text of `--completions`. */
export function completions(
  script: Script,
  shell: Choices["completions"],
): string {
  return SHELLS[shell](script, NAMES[script], flagsOf(script));
}

/** A flag as it is typed, long form first. */
function spellings({ long, short }: Flag): string[] {
  return short === undefined ? [`--${long}`] : [`--${long}`, `-${short}`];
}

/** Keeps to what bash 3.2 knows, which macOS has. */
function bash(script: Script, names: readonly string[], flags: Flag[]): string {
  const pattern = (flags: Flag[]) => flags.flatMap(spellings).join(" | ");
  const choosing = flags.filter(({ choices }) => choices);
  const others = flags.filter(({ value, choices, file }) =>
    value && !choices && !file
  );
  return `# The completions of ${script} for bash.
_mqtt_chat_${script}() {
  local IFS=$' \\t\\n' line prefix=''
  local word=\${COMP_WORDS[COMP_CWORD]} flag=\${COMP_WORDS[COMP_CWORD - 1]}
  local -a source
  COMPREPLY=()
  # --flag=value is three words, or one where = breaks no words. Before bash 4
  # it is one in any case, but only what follows the = is replaced.
  if [[ $word == = ]]; then
    word=''
  elif [[ $flag == = ]]; then
    flag=\${COMP_WORDS[COMP_CWORD - 2]}
  elif ((COMP_CWORD > 2)) && [[ \${COMP_WORDS[COMP_CWORD - 2]} == = ]]; then
    flag=''
  elif [[ $word == -*=* ]]; then
    flag=\${word%%=*} word=\${word#*=}
    [[ $COMP_WORDBREAKS == *=* ]] || prefix="$flag="
  fi
  case $flag in
${
    choosing.map((flag) =>
      `    ${pattern([flag])}) source=(-W '${flag.choices?.join(" ")}') ;;`
    ).join("\n")
  }
    ${pattern(flags.filter(({ file }) => file))})
      source=(-f)
      compopt -o filenames 2>/dev/null
      ;;
    ${pattern(others)}) return ;;
    *) source=(-W '${flags.flatMap(spellings).join(" ")}') ;;
  esac
  while IFS= read -r line; do
    COMPREPLY+=("$line")
  done < <(compgen -P "$prefix" "\${source[@]}" -- "$word")
}
complete -F _mqtt_chat_${script} ${names.join(" ")}`;
}

/** Makes a file that zsh finds by its first line, and that can be sourced. */
function zsh(script: Script, names: readonly string[], flags: Flag[]): string {
  const specs = flags.flatMap((flag) => {
    const { choices, help, file, value } = flag;
    // An action that is one space offers nothing, and shows the value's name.
    const action = choices ? `(${choices.join(" ")})` : file ? "_files" : " ";
    const after = value === undefined ? "" : `:${value}:${action}`;
    return spellings(flag).map((name) => {
      const equals = value && name.startsWith("--") ? "=" : "";
      return `*${name}${equals}[${help.replace(/[\\[\]]/g, "\\$&")}]${after}`;
    });
  });
  return `#compdef ${names.join(" ")}
# The completions of ${script} for zsh.
_${script}() {
  _arguments -s -S : \\
${
    specs.map((spec) => `    '${spec.replaceAll("'", "'\\''")}'`)
      .join(" \\\n")
  }
}
# zsh sets compstate when it loads this file to complete.
if ((\${+compstate})); then
  _${script} "$@"
else
  compdef _${script} ${names.join(" ")}
fi`;
}

function fish(script: Script, names: readonly string[], flags: Flag[]): string {
  const complete = `complete ${names.map((name) => `-c ${name}`).join(" ")}`;
  const rows = flags.map(({ long, short, value, choices, file, help }) => {
    const letter = short ? ` -s ${short}` : "";
    const words = choices ? ` -a '${choices.join(" ")}'` : "";
    const kind = file ? " -r -F" : value ? ` -x${words}` : "";
    const text = help.replace(/[\\']/g, "\\$&");
    return `${complete}${letter} -l ${long}${kind} -d '${text}'`;
  });
  return [`# The completions of ${script} for fish.`, `${complete} -f`, ...rows]
    .join("\n");
}
