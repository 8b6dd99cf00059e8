/** A failure limit: on a loaded machine a script takes many seconds to start. */
export const PATIENCE_MS = 60_000;

/** Waits for a promise; after `patience` milliseconds throws what `late` says. */
export async function inTime<T>(
  promise: Promise<T>,
  late = () => "It did not happen in time.",
  patience = PATIENCE_MS,
): Promise<T> {
  const tooLate = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => tooLate.reject(new Error(late())),
    patience,
  );
  try {
    return await Promise.race([promise, tooLate.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again and again; tells whether it became true in time. */
export async function becomesTrue(
  isTrue: () => boolean | Promise<boolean>,
  patience = PATIENCE_MS,
): Promise<boolean> {
  const deadline = performance.now() + patience;
  while (!await isTrue()) {
    if (performance.now() > deadline) return false;
    await new Promise((again) => setTimeout(again, 50));
  }
  return true;
}

/** Registers tests of a subject that fail where they would wait for ever. */
export const timedTests =
  (subject: string) => (name: string, body: () => Promise<void>): void =>
    Deno.test(`${subject}: ${name}`, () => inTime(body()));
