/**
 * Nothing, or nothing for a long time: what every program on Deno costs.
 *
 * @module
 */

if (Deno.args[0] === "idle") setTimeout(() => {}, 1e9);
