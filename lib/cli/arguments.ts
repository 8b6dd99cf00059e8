/**
 * Arguments → the values of the flags in the table, each read with a check.
 * Owns what a well-formed command line is, not what its values mean. Pure.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import {
  CHOICES,
  type Choices,
  type Flag,
  flagsOf,
  type Script,
} from "./flags.ts";

/** Arguments that can't be followed. The message is one sentence. */
export class UsageError extends Error {
  static {
    this.prototype.name = "UsageError";
  }
}

/**
 * Splits arguments into the flags of the table.
 *
 * @param script Whose flags.
 * @param args As in `Deno.args`.
 * @returns The values.
 * @throws {UsageError} When there is a flag the table doesn't have.
 */
export function readValues(script: Script, args: string[]): Values {
  const flags = flagsOf(script);
  const isText = (flag: { value?: string }) => flag.value !== undefined;
  refuseGlued(args);
  const whole = withValues(args, flags);
  if (whole.some((arg) => arg.startsWith("--secret="))) {
    throw new UsageError(
      "--secret takes no value, which other users could see; it asks for it.",
    );
  }
  // The parser keeps the arguments without a flag under this name.
  if (args.some((arg) => /^--?_(=|$)/.test(arg))) {
    throw new UsageError('there is no flag "_".');
  }
  let stranger: string | undefined;
  const parsed = parseArgs(whole, {
    string: ["_", ...flags.filter(isText).map((flag) => flag.long)],
    boolean: flags.filter((flag) => !isText(flag)).map((flag) => flag.long),
    // Everything is collected, so that a flag given twice is seen to be.
    collect: flags.filter(isText).map((flag) => flag.long),
    alias: Object.fromEntries(
      flags.flatMap(({ short, long }) => short ? [[long, short]] : []),
    ),
    unknown: (arg, key) => {
      if (key !== undefined) stranger ??= arg;
      return key === undefined;
    },
  });
  if (stranger !== undefined) {
    throw new UsageError(strangerFault(stranger));
  }
  return new Values(script, new Map(Object.entries(parsed)));
}

/** The advice for letters and values that were written as one. */
const GLUED =
  "a letter and its value need a space between them, as in -q 1; a value " +
  "that begins with a dash is written --flag=-value";

/** parseArgs reads `-mlight=on` as `-m on`; nobody means that. */
function refuseGlued(args: string[]): void {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  if (!args.slice(0, end).some((arg) => /^-[^-=][^=]+=/.test(arg))) return;
  throw new UsageError(`${GLUED}.`);
}

/**
 * Joins each flag with the value that follows it: the parser takes one that
 * begins with a dash for another flag, so that `-m --help` would print the help
 * and send nothing. A message is sent whatever it is; elsewhere the value was
 * more likely forgotten.
 */
function withValues(args: string[], flags: Flag[]): string[] {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const whole: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at];
    const { switches, flag, joined } = at < end ? valueFlag(arg, flags) : {};
    const value = joined ?? args[at + 1];
    if (flag === undefined || value === undefined) {
      whole.push(arg);
      continue;
    }
    if (joined === undefined) {
      if (value.startsWith("-") && flag.long !== "message") {
        throw new UsageError(valueNeeded(flag.long));
      }
      at++;
    }
    if (switches) whole.push(`-${switches}`);
    whole.push(`--${flag.long}=${value}`);
  }
  return whole;
}

/**
 * The flag of an argument that takes the next for its value, if it is one, or
 * has it joined: the parser would read -m=TEXT no further than its first line.
 */
function valueFlag(
  arg: string,
  flags: Flag[],
): { switches?: string; flag?: Flag; joined?: string } {
  const isFor = (flag: Flag, spelling: string) =>
    flag.value !== undefined && `-${flag.short}` === spelling;
  const [, letter = arg, joined] = /^(-[^-])=([^]*)$/.exec(arg) ?? [];
  const flag = flags.find((flag) =>
    isFor(flag, letter) ||
    (flag.value !== undefined && `--${flag.long}` === arg)
  );
  if (flag !== undefined) return { flag, joined };
  // Letters written as one, of which the last takes a value.
  const [, switches, last] = /^-([a-z]+)([a-z])$/i.exec(arg) ?? [];
  const areSwitches = switches !== undefined &&
    Array.from(switches).every((letter) =>
      flags.some(({ short, value }) => short === letter && value === undefined)
    );
  return areSwitches
    ? { switches, flag: flags.find((flag) => isFor(flag, `-${last}`)) }
    : {};
}

/** What is wrong where a flag has no value. */
function valueNeeded(flag: string): string {
  return `--${flag} needs a value that is not empty; one that begins with a ` +
    `dash is written --${flag}=-x.`;
}

/** What is wrong with an argument that begins with a dash. */
function strangerFault(arg: string): string {
  const [flag] = arg.split("=", 1);
  if (/^--|^-[a-z]$/i.test(flag)) {
    return `there is no flag ${JSON.stringify(flag)}.`;
  }
  // The rest is not repeated: it may be a password, as in -Psecret.
  return `there is no flag ${JSON.stringify(flag.slice(0, 2))} that fits ` +
    `here: ${GLUED}.`;
}

/** The flags as they were given, read with a check each. */
export class Values {
  readonly #script: Script;
  readonly #given: Map<string, unknown>;

  /**
   * Use {@link readValues}.
   *
   * @param script Whose flags.
   * @param given The values by long name; those of text flags as arrays.
   */
  constructor(script: Script, given: Map<string, unknown>) {
    this.#script = script;
    this.#given = given;
  }

  /** Refuses flags without their value, and arguments that are no flag. */
  checkComplete(): void {
    for (const { long, value, repeat } of flagsOf(this.#script)) {
      const texts = value === undefined ? [] : this.#texts(long);
      if (texts.includes("")) {
        throw new UsageError(valueNeeded(long));
      }
      if (texts.length > 1 && !repeat) {
        throw new UsageError(`--${long} can be given once only.`);
      }
    }
    const [extra] = this.#texts("_");
    if (extra !== undefined) {
      // It may be the rest of a password, or a URL that holds one.
      const isSecret = /@|:\/\//.test(extra) || this.one("password") ||
        this.has("secret");
      const shown = isSecret ? "one argument" : JSON.stringify(extra);
      throw new UsageError(
        `${shown} belongs to no flag; text with spaces needs quotes.`,
      );
    }
  }

  /** Whether a switch was given. */
  has(flag: string): boolean {
    return this.#given.get(flag) === true;
  }

  /** The values of a flag that may be repeated. */
  all(flag: string, defaults: string[]): string[] {
    const texts = this.#texts(flag);
    return texts.length === 0 ? defaults : texts;
  }

  /** The value of a flag that is given at most once. */
  one(flag: string): string | undefined {
    return this.#texts(flag)[0];
  }

  /** A value that is one of the few words the table has for the flag. */
  choice<F extends keyof Choices>(flag: F): Choices[F] | undefined {
    const choices: { [F in keyof Choices]: readonly Choices[F][] } = CHOICES;
    const words = choices[flag];
    const text = this.one(flag);
    const word = words.find((word) => word === text);
    if (text !== undefined && word === undefined) {
      this.#misfit(flag, text, `one of ${words.join(", ")}`);
    }
    return word;
  }

  /** A number in a range: whole, or seconds above 0 with a fraction. */
  number(
    flag: string,
    min: number,
    max: number,
    kind: "whole" | "seconds" = "whole",
  ): number | undefined {
    const text = this.one(flag);
    if (text === undefined) return undefined;
    const isSeconds = kind === "seconds";
    const value = Number(text);
    const form = isSeconds ? /^\d+(\.\d+)?$/ : /^\d+$/;
    const fits = form.test(text) && value <= max &&
      (isSeconds ? value > min : value >= min);
    if (!fits) {
      this.#misfit(
        flag,
        text,
        isSeconds
          ? `seconds above ${min}, ${max} at most`
          : `a whole number from ${min} to ${max}`,
      );
    }
    return value;
  }

  #texts(flag: string): string[] {
    const value = this.#given.get(flag);
    return Array.isArray(value) ? value.map(String) : [];
  }

  #misfit(flag: string, text: string, wanted: string): never {
    throw new UsageError(
      `--${flag} ${JSON.stringify(text)} does not fit: it takes ${wanted}.`,
    );
  }
}
