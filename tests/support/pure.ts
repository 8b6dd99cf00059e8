/** Tests of what has no effects: they run without any permission. */

/** Registers such tests of a subject, which their names begin with. */
export const pureTests =
  (subject: string) => (name: string, fn: () => void | Promise<void>): void =>
    Deno.test({ name: `${subject}: ${name}`, permissions: "none", fn });
