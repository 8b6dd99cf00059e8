/** Tests of what has no effects: they run without any permission. */

/**
 * Registers such tests of a subject, which their names begin with. Each gets a
 * scene of its own.
 */
export const pureTests = <Scene = void>(
  subject: string,
  open: () => Scene = () => undefined as Scene,
) =>
(name: string, fn: (scene: Scene) => void | Promise<void>): void =>
  Deno.test({
    ...{ name: `${subject}: ${name}`, permissions: "none" },
    fn: () => fn(open()),
  });

/** Reads scenes: each has a title and, indented below it, what happens. */
export const scenesIn = (text: string): [title: string, scene: string][] =>
  text.trim().split(/\n(?=\S)/).map((scene) => {
    const [title, ...lines] = scene.split(/\n\s+/);
    return [title, lines.join(" ")];
  });

/** The sizes that maps had when they were cleared meanwhile. */
export function sizesAtClear(happen: () => void): number[] {
  const { clear } = Map.prototype;
  const sizes: number[] = [];
  Map.prototype.clear = function () {
    sizes.push(this.size);
    clear.call(this);
  };
  try {
    happen();
  } finally {
    Map.prototype.clear = clear;
  }
  return sizes;
}
