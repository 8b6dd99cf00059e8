/**
 * The help text of both scripts, made from the table of flags. Pure.
 *
 * @module
 */

import { type Flag, flagsOf, type Script } from "./flags.ts";

const TITLES: Readonly<Record<Script, string>> = {
  listener:
    "Reads chat rooms over an MQTT broker, until Ctrl-C, Enter, -C or -W.",
  publisher:
    "Sends -m, the lines of a pipe, or what you type, to a chat room over MQTT.",
};

const EXAMPLES: Readonly<Record<Script, readonly string[]>> = {
  listener: [
    "deno run -N listener.ts --topic chat/room",
    "deno run -N listener.ts -t 'chat/#' --json --no-announce | jq -r .text",
    "deno run -N=chat.example:8883 listener.ts -h mqtts://chat.example -u ann",
  ],
  publisher: [
    "deno run -N publisher.ts --follow --topic chat/room --name Ada",
    "deno run -N publisher.ts -t chat/room -m 'The build is green.'",
    "tail -f log | deno run -N=chat.example:1883 publisher.ts -h chat.example",
  ],
};

const COLUMNS = 80;
const INDENT = 8;

/**
 * The text `--help` prints. It fits a terminal of 24 lines and 80 columns.
 *
 * @param script Which script.
 * @returns Lines joined by newlines, without one at the end.
 */
export function helpText(script: Script): string {
  const flags = flagsOf(script);
  const groups = [...new Set(flags.map((flag) => flag.group))];
  return [
    TITLES[script],
    ...groups.flatMap((group) =>
      groupLines(group, flags.filter((flag) => flag.group === group))
    ),
    "Examples",
    ...EXAMPLES[script].map((example) => "  " + example),
  ].join("\n");
}

/** A group of flags: its heading in the margin, then as few lines as fit. */
function groupLines(group: string, flags: Flag[]): string[] {
  const half = (COLUMNS - INDENT) / 2;
  const lines: string[] = [];
  for (const flag of flags) {
    const cell = `${spelling(flag)}  ${flag.help}`;
    const last = lines.at(-1);
    const joinable = last !== undefined && last.length < half &&
      cell.length <= half;
    if (joinable) lines[lines.length - 1] = last.padEnd(half) + cell;
    else lines.push(cell);
  }
  return lines.map((line, index) =>
    (index === 0 ? group : "").padEnd(INDENT) + line
  );
}

/** How a flag is written: `-t, --topic TOPIC`. */
function spelling(flag: Flag): string {
  const short = flag.short === undefined ? "" : `-${flag.short}, `;
  const value = flag.value === undefined ? "" : ` ${flag.value}`;
  return `${short}--${flag.long}${value}`;
}
