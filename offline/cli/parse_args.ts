/**
 * Stands in for `@std/cli/parse-args` where JSR can't be reached. `setup.ts`
 * puts it into `vendor/`. It follows the package's rules, not those of
 * `node:util`: there a string option swallows a next argument that begins with
 * a dash, here it gets "". Left out: `stopEarly`, and `--a.b` as nesting.
 *
 * @module
 */

import type { Args, Names, ParseOptions } from "./_types.ts";

export type { Args, ParseOptions } from "./_types.ts";

type Value = string | number | boolean;

const FLAG = /^-(?:(-)(no-)?)?(.+?)(?:=(.*))?$/s;

/**
 * Parses command line arguments.
 *
 * @param args The arguments.
 * @param options Which flags there are and what they take.
 * @returns The flags' values by name and alias; in `_` what belongs to no flag.
 * @throws {TypeError} When an alias is undefined.
 */
export function parseArgs<
  B extends boolean | string | undefined = undefined,
  S extends string | undefined = undefined,
  C extends string | undefined = undefined,
  N extends string | undefined = undefined,
  D extends Record<string, unknown> | undefined = undefined,
  A extends Partial<Record<K, L | readonly L[]>> | undefined = undefined,
  DD extends boolean | undefined = undefined,
  K extends string = string,
  L extends string = string,
>(
  args: readonly string[],
  options?: ParseOptions<B, S, C, N, D, A, DD>,
): Args<B, S, C, N, D, A, DD> {
  const parser = new Parser(options ?? {});
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  parser.read(args.slice(0, end));
  parser.fillDefaults();
  const rest = args.slice(end + 1);
  if (options?.["--"]) parser.result["--"] = rest;
  else parser.result._.push(...rest);
  return parser.result as Args<B, S, C, N, D, A, DD>;
}

/** One run over the arguments. */
class Parser {
  readonly result: Record<string, unknown> & { _: (string | number)[] } = {
    _: [],
  };
  readonly #aliases = new Map<string, readonly string[]>();
  readonly #booleans: ReadonlySet<string>;
  readonly #strings: ReadonlySet<string>;
  readonly #collected: ReadonlySet<string>;
  readonly #negatable: ReadonlySet<string>;
  readonly #allBooleans: boolean;
  readonly #options: ParseOptions;

  constructor(options: ParseOptions) {
    this.#options = options;
    for (const [name, value] of Object.entries(options.alias ?? {})) {
      if (value === undefined) {
        throw new TypeError("Alias value must be defined");
      }
      const group = [name, ...[value].flat()];
      for (const one of group) {
        this.#aliases.set(one, group.filter((other) => other !== one));
      }
    }
    const { boolean } = options;
    this.#allBooleans = boolean === true;
    this.#booleans = this.#named(typeof boolean === "boolean" ? [] : boolean);
    this.#strings = this.#named(options.string);
    this.#collected = this.#named(options.collect);
    this.#negatable = this.#named(options.negatable);
  }

  /** Reads the arguments before `--`. */
  read(args: readonly string[]): void {
    for (let i = 0; i < args.length; i++) {
      const [arg, next] = [args[i], args[i + 1]];
      const flag = FLAG.exec(arg);
      let taken = false;
      if (!flag) this.#positional(arg);
      else if (flag[1]) taken = this.#long(flag, next);
      else taken = this.#short(arg, next);
      if (taken) i++;
    }
  }

  /** Gives what was not named its default, `false` or an empty array. */
  fillDefaults(): void {
    const { default: defaults = {} } = this.#options;
    for (const [name, value] of Object.entries(defaults)) {
      if (Object.hasOwn(this.result, name)) continue;
      this.#store(name, value, false);
      for (const other of this.#others(name)) this.#store(other, value, false);
    }
    for (const name of [...this.#booleans, ...this.#strings]) {
      if (Object.hasOwn(this.result, name)) continue;
      if (this.#collected.has(name)) this.#store(name, [], false);
      else if (this.#booleans.has(name)) this.#store(name, false, false);
    }
  }

  /** The names of one kind, with their aliases. */
  #named(names: Names): ReadonlySet<string> {
    const list = [names ?? []].flat().filter((name) => name !== "");
    return new Set(list.flatMap((name) => [name, ...this.#others(name)]));
  }

  #others(name: string): readonly string[] {
    return this.#aliases.get(name) ?? [];
  }

  #isBoolean(name: string): boolean {
    return [name, ...this.#others(name)].some((one) => this.#booleans.has(one));
  }

  #bare(name: string): Value {
    return this.#strings.has(name) ? "" : true;
  }

  #positional(arg: string): void {
    if (this.#options.unknown?.(arg) === false) return;
    const isText = this.#strings.has("_") || !isNumber(arg);
    this.result._.push(isText ? arg : Number(arg));
  }

  /** Reads `--name`; returns whether it took the next argument as its value. */
  #long(flag: RegExpExecArray, next: string | undefined): boolean {
    const [arg, , negated, bare, value] = flag;
    if (value !== undefined) {
      this.#set(
        bare,
        this.#booleans.has(bare) ? value !== "false" : value,
        arg,
      );
      return false;
    }
    if (negated && this.#negatable.has(bare)) {
      this.#set(bare, false, arg, false);
      return false;
    }
    const name = (negated ?? "") + bare;
    const takes = !this.#allBooleans && !this.#isBoolean(name) &&
      !next?.startsWith("-");
    return this.#setWithNext(name, arg, next, takes);
  }

  /** Reads `-abc`; returns whether it took the next argument as its value. */
  #short(arg: string, next: string | undefined): boolean {
    for (let i = 1; i < arg.length - 1; i++) {
      const value = attached(arg[i], arg.slice(i + 1));
      this.#set(arg[i], value ?? this.#bare(arg[i]), arg);
      if (value !== undefined) return false;
    }
    const name = arg.at(-1)!;
    const takes = !this.#isBoolean(name) && !/^--?[^-]/.test(next ?? "");
    return this.#setWithNext(name, arg, next, takes);
  }

  /** Sets a flag that may take the next argument; returns whether it did. */
  #setWithNext(
    name: string,
    arg: string,
    next: string | undefined,
    takes: boolean,
  ): boolean {
    if (next && takes) {
      this.#set(name, next, arg);
      return true;
    }
    if (next === "true" || next === "false") {
      this.#set(name, next === "true", arg);
      return true;
    }
    this.#set(name, this.#bare(name), arg);
    return false;
  }

  #set(name: string, value: Value, arg: string, collect = true): void {
    const known = this.#aliases.has(name) || this.#collected.has(name) ||
      this.#booleans.has(name) || this.#strings.has(name) ||
      this.#allBooleans && /^--[^=]+$/.test(arg);
    if (!known && this.#options.unknown?.(arg, name, value) === false) return;
    const text = typeof value !== "string" || this.#strings.has(name);
    const typed = text || !isNumber(value as string) ? value : Number(value);
    const collected = collect && this.#collected.has(name);
    this.#store(name, typed, collected);
    for (const other of this.#others(name)) {
      this.#store(other, typed, collected);
    }
  }

  #store(name: string, value: unknown, collect: boolean): void {
    if (name === "__proto__" || name === "constructor") return;
    const before = this.result[name];
    if (!collect) this.result[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else this.result[name] = before ? [before, value] : [value];
  }
}

/** The value that follows a letter in the same argument, if one does. */
function attached(letter: string, rest: string): string | undefined {
  if (rest === "-") return rest;
  if (rest === "=") return "";
  if (/[A-Za-z]/.test(letter)) {
    const value = /=(.+)/.exec(rest);
    if (value) return value[1];
    if (/-?\d+(\.\d*)?(e-?\d+)?$/.test(rest)) return rest;
  }
  return rest.length > 1 && /^\W/.test(rest) ? rest : undefined;
}

function isNumber(text: string): boolean {
  return text.trim() !== "" && Number.isFinite(Number(text));
}
