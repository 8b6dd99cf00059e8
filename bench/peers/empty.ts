/** Nothing, or nothing for a long time: what every program on Deno costs. */

if (Deno.args.at(-1) === "idle") setTimeout(() => {}, 1e9);
