/**
 * Stands in for `@std/cli/parse-args` where JSR can't be reached, with the
 * options that this project uses. It follows the package's rules, not those of
 * `node:util`: there a flag that takes a value takes an argument that begins
 * with a dash too, and `-hbroker` is `-h broker`; here such a flag gets "", and
 * those are seven flags. The package makes numbers of what is not named in
 * `string`; here all values are text.
 *
 * @module
 */

interface ParseOptions<B extends string, S extends string, C extends string> {
  /** Flags that take no value. */
  boolean?: readonly B[];
  /** Flags whose value stays a string. */
  string?: readonly S[];
  /** Flags whose values are collected into an array. */
  collect?: readonly C[];
  /** Other names of a flag. */
  alias?: Record<string, string>;
  /** Called for each argument that belongs to no flag; `false` drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

type Args<B extends string, S extends string, C extends string> =
  & Record<string, unknown>
  & Record<B, boolean>
  & Partial<Record<Exclude<S, C>, string>>
  & Record<Extract<S, C>, string[]>
  & { _: (string | number)[] };

/** `-` or `--`, a name or letters, `=` and a value, which `no-` can't have. */
const FLAG = /^-(?:(-)(no-)?)?(.+?)(?:=(.*))?$/s;

export function parseArgs<
  B extends string = never,
  S extends string = never,
  C extends string = never,
>(args: readonly string[], options: ParseOptions<B, S, C>): Args<B, S, C> {
  const parser = new Parser(options);
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  parser.read(args.slice(0, end));
  parser.result._.push(...args.slice(end + 1));
  return parser.result as Args<B, S, C>;
}

/** One run over the arguments. */
class Parser {
  readonly result: Record<string, unknown> & { _: unknown[] } = { _: [] };
  readonly #aliases = new Map<string, string>();
  readonly #booleans: ReadonlySet<string>;
  readonly #strings: ReadonlySet<string>;
  readonly #unknown: (arg: string, key?: string, value?: unknown) => unknown;

  constructor(options: ParseOptions<string, string, string>) {
    for (const [name, alias] of Object.entries(options.alias ?? {})) {
      this.#aliases.set(name, alias).set(alias, name);
    }
    const named = (names: readonly string[] = []) =>
      new Set(names.flatMap((name) => this.#namesOf(name)));
    this.#booleans = named(options.boolean);
    this.#strings = named(options.string);
    this.#unknown = options.unknown ?? (() => true);
    for (const name of this.#booleans) this.result[name] = false;
    for (const name of named(options.collect)) this.result[name] = [];
  }

  /** Reads the arguments before `--`. */
  read(args: readonly string[]): void {
    for (let i = 0; i < args.length; i++) {
      const [arg, next] = [args[i], args[i + 1]];
      const [, isLong, no = "", name, value] = FLAG.exec(arg) ?? [];
      if (name === undefined) {
        if (this.#unknown(arg) !== false) this.result._.push(arg);
      } else if (!isLong) {
        if (this.#letters(arg, next)) i++;
      } else if (value === undefined) {
        const takes = !next?.startsWith("-");
        if (this.#setWithNext(no + name, arg, next, takes)) i++;
      } else {
        const isSwitch = this.#booleans.has(name);
        this.#set(name, isSwitch ? value !== "false" : value, arg);
      }
    }
  }

  #namesOf(name: string): string[] {
    const alias = this.#aliases.get(name);
    return alias === undefined ? [name] : [name, alias];
  }

  /** Reads `-abc`; returns whether it took the next argument as its value. */
  #letters(arg: string, next: string | undefined): boolean {
    for (let i = 1; i < arg.length - 1; i++) {
      const value = attached(arg[i], arg.slice(i + 1));
      this.#set(arg[i], value ?? this.#bare(arg[i]), arg);
      if (value !== undefined) return false;
    }
    const takes = !/^--?[^-]/.test(next ?? "");
    return this.#setWithNext(arg.at(-1)!, arg, next, takes);
  }

  /** Sets a flag that may take the next argument; returns whether it did. */
  #setWithNext(
    name: string,
    arg: string,
    next: string | undefined,
    takes: boolean,
  ): boolean {
    if (next && takes && !this.#booleans.has(name)) {
      this.#set(name, next, arg);
      return true;
    }
    const isAnswer = next === "true" || next === "false";
    this.#set(name, isAnswer ? next === "true" : this.#bare(name), arg);
    return isAnswer;
  }

  #bare(name: string): string | boolean {
    return this.#strings.has(name) ? "" : true;
  }

  #set(name: string, value: string | boolean, arg: string): void {
    const isKnown = this.#booleans.has(name) || this.#strings.has(name);
    if (!isKnown && this.#unknown(arg, name, value) === false) return;
    for (const one of this.#namesOf(name)) {
      const values = this.result[one];
      if (Array.isArray(values)) values.push(value);
      else this.result[one] = value;
    }
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
