/**
 * The types of `parse_args.ts`: what a caller gets back follows from the names
 * in the options, as with the package.
 *
 * @module
 */

/** One name or several. */
export type Names = string | readonly string[] | undefined;

/** Options of `parseArgs`. */
export interface ParseOptions<
  B extends boolean | string | undefined = boolean | string | undefined,
  S extends string | undefined = string | undefined,
  C extends string | undefined = string | undefined,
  N extends string | undefined = string | undefined,
  D extends Record<string, unknown> | undefined =
    | Record<string, unknown>
    | undefined,
  A extends Aliases | undefined = Aliases | undefined,
  DD extends boolean | undefined = boolean | undefined,
> {
  /** Puts what follows `--` into a list of its own. */
  "--"?: DD;
  /** Other names of a flag. */
  alias?: A;
  /** Flags that take no value; `true` for all long ones without `=`. */
  boolean?: B | readonly Extract<B, string>[];
  /** Values of flags that are not given. */
  default?: D & Record<string, unknown>;
  /** Flags whose value stays a string. */
  string?: S | readonly Extract<S, string>[];
  /** Flags whose values are collected into an array. */
  collect?: C | readonly Extract<C, string>[];
  /** Flags that `--no-name` sets to `false`. */
  negatable?: N | readonly Extract<N, string>[];
  /** Called for each argument that belongs to no flag; `false` drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/**
 * Other names by name.
 *
 * @internal
 */
export type Aliases = Partial<Record<string, string | readonly string[]>>;

/** What `parseArgs` returns for options of these types. */
export type Args<B, S, C, N, D, A, DD> = Flat<
  & Values<B, S, C, N, D, A>
  & { _: (string | number)[] }
  & (DD extends true ? { "--": string[] } : unknown)
>;

/**
 * One object type in place of an intersection.
 *
 * @internal
 */
export type Flat<T> = { [K in keyof T]: T[K] };

/**
 * The type of each flag's value.
 *
 * @internal
 */
export type Values<B, S, C, N, D, A> = [undefined, undefined, undefined] extends
  [B extends false ? undefined : B, S, C]
  // deno-lint-ignore no-explicit-any -- the package's type where no flag is named
  ? Record<string, any>
  :
    & Record<string, unknown>
    & Aliased<
      Defaulted<Strings<S, C, N> & Booleans<B, C> & Untyped<B, S, C, N>, D>,
      A
    >;

type Strings<S, C, N> =
  & { [K in Exclude<Extract<S, string>, C>]?: string | Negated<K, N> }
  & {
    [K in Extract<Extract<S, string>, C>]:
      | string[]
      | Negated<K, N>
      | Unnamed<K>;
  };

type Booleans<B, C> = {
  [K in Extract<B, string>]: (K extends C ? boolean[] : boolean) | Unnamed<K>;
};

type Untyped<B, S, C, N> = {
  [K in Exclude<Extract<C, string>, B | S>]: unknown[] | Negated<K, N>;
};

type Negated<K, N> = K extends N ? false : never;

/** Where the names are not known to the compiler, any may be missing. */
type Unnamed<K> = string extends K ? undefined : never;

/** With a default a flag is always there. */
type Defaulted<T, D> = D extends undefined ? T
  :
    & Omit<T, keyof D>
    & {
      [K in keyof D]: K extends keyof T ? D[K] | NonNullable<T[K]> : unknown;
    };

/** Each flag under its aliases too. */
type Aliased<T, A> = {
  [K in keyof T as K | AliasesOf<K, A>]: T[K];
};

type AliasesOf<K, A> = K extends keyof A ? A[K] extends string ? A[K]
  : A[K] extends (infer L extends string)[] ? L
  : never
  : never;
