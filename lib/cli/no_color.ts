/**
 * NO_COLOR of the environment. Both scripts import this first: `@std/fmt` reads
 * it when it is loaded and then obeys it over everything, also over
 * `--color always`.
 */

export const NO_COLOR = Deno.noColor;

Object.defineProperty(Deno, "noColor", { value: false });
