import { assert, assertEquals } from "@std/assert";
import { Screen } from "../../lib/terminal/screen.ts";

/** A terminal that takes one write at a time, when it is told to. */
class SlowTerminal {
  readonly writes: string[] = [];
  size = { columns: 40, rows: 10 };
  #answer = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<number> {
    this.writes.push(new TextDecoder().decode(bytes));
    await this.#answer.promise;
    return bytes.length;
  }

  /** Lets the write under way end; the next one has begun after it. */
  async answer(): Promise<void> {
    this.#answer.resolve();
    this.#answer = Promise.withResolvers();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
}

function open(maxWaiting?: number) {
  const terminal = new SlowTerminal();
  const screen = new Screen({
    sink: terminal,
    size: () => terminal.size,
    paint: (text) => text,
    onDropped: (count) => `(${count} dropped)`,
    maxWaiting,
  });
  return { terminal, screen };
}

const INPUT = { prompt: "> ", line: "typed", cursor: 5 };
const ERASE = "\r\x1b[J";

Deno.test("screen: a single line is shown at once, above what is typed", async () => {
  const { terminal, screen } = open();
  screen.draw(INPUT);
  assertEquals(terminal.writes, [`${ERASE}> typed`]);
  await terminal.answer();
  screen.show("a line");
  assertEquals(terminal.writes.slice(1), [`${ERASE}a line\r\n> typed`]);
  await terminal.answer();
  await screen.flushed();
});

Deno.test("screen: what comes during a write goes out in one", async () => {
  const { terminal, screen } = open();
  screen.draw(INPUT);
  for (const line of ["a", "b", "c"]) screen.show(line);
  screen.draw({ ...INPUT, line: "typed on", cursor: 8 });
  await terminal.answer();
  assertEquals(terminal.writes.slice(1), [`${ERASE}a\r\nb\r\nc\r\n> typed on`]);
  await terminal.answer();
  await screen.flushed();
});

Deno.test("screen: a flood goes out in parts, with what is typed after each", async () => {
  const { terminal, screen } = open();
  screen.draw(INPUT);
  for (let i = 0; i < 10_000; i++) screen.show(`line ${i} of a flood`);
  await terminal.answer();
  assert(terminal.writes[1].length < 80_000);
  assert(terminal.writes[1].endsWith("\r\n> typed"));
  screen.draw({ ...INPUT, line: "seen", cursor: 4 });
  await terminal.answer();
  assert(terminal.writes[2].endsWith("\r\n> seen"));
  for (let i = 3; i < 10; i++) await terminal.answer();
  const shown = terminal.writes.join("").match(/line \d+ of a flood/g)!;
  assertEquals(shown.length, 10_000);
  await screen.flushed();
});

Deno.test("screen: a stuck terminal loses the oldest lines, and it is told", async () => {
  const { terminal, screen } = open(4);
  screen.draw(INPUT);
  for (const line of ["aa", "bb", "cc", "dd"]) screen.show(line);
  await terminal.answer();
  assertEquals(
    terminal.writes[1],
    `${ERASE}(2 dropped)\r\ncc\r\ndd\r\n> typed`,
  );
  await terminal.answer();
  await screen.flushed();
});

Deno.test("screen: clears, gives the area up, and goes on without", async () => {
  const { terminal, screen } = open();
  screen.draw(INPUT);
  await terminal.answer();
  screen.clear();
  assertEquals(terminal.writes[1], `${ERASE}\x1b[2J\x1b[H> typed`);
  await terminal.answer();
  let hasEnded = false;
  const ended = screen.endArea().then(() => hasEnded = true);
  assertEquals(terminal.writes[2], ERASE);
  assertEquals(hasEnded, false);
  await terminal.answer();
  await ended;
  screen.show("good-bye");
  assertEquals(terminal.writes[3], `${ERASE}good-bye\r\n`);
  await terminal.answer();
  await screen.flushed();
});

Deno.test("screen: a narrower terminal has broken the rows anew", async () => {
  const { terminal, screen } = open();
  screen.draw({ prompt: "> ", line: "x".repeat(30), cursor: 30 });
  await terminal.answer();
  terminal.size = { columns: 20, rows: 10 };
  screen.refresh();
  assertEquals(
    terminal.writes[1],
    `\x1b[1A${ERASE}> ${"x".repeat(17)}\r\n${"x".repeat(13)}`,
  );
  await terminal.answer();
  await screen.flushed();
});

Deno.test("screen: a terminal that has gone is no error", async () => {
  const screen = new Screen({
    sink: { write: () => Promise.reject(new Deno.errors.BrokenPipe()) },
    size: () => ({ columns: 40, rows: 10 }),
    paint: (text) => text,
    onDropped: () => "",
  });
  screen.show("nobody sees it");
  await screen.flushed();
  screen.show("nor this");
  await screen.endArea();
  await screen.flushed();
});

Deno.test("screen: the area ends before a flood has", async () => {
  const { terminal, screen } = open();
  screen.draw(INPUT);
  for (let i = 0; i < 10_000; i++) screen.show(`line ${i} of a flood`);
  const ended = screen.endArea();
  await terminal.answer();
  await terminal.answer();
  await ended;
  assert(!terminal.writes.join("").includes("line 9999 "));
  for (let i = 0; i < 10; i++) await terminal.answer();
  await screen.flushed();
  assert(terminal.writes.join("").endsWith("line 9999 of a flood\r\n"));
});

Deno.test("screen: lines are broken at words", async () => {
  const { terminal, screen } = open();
  screen.draw(INPUT);
  await terminal.answer();
  screen.show("12:00:00 Ada: so many words that no row has room for them");
  assertEquals(
    terminal.writes[1],
    `${ERASE}12:00:00 Ada: so many words that no row\r\n` +
      "\x1b[14Chas room for them\r\n> typed",
  );
  await terminal.answer();
  await screen.flushed();
});

Deno.test("screen: begins anew after others have written", async () => {
  const { terminal, screen } = open();
  screen.draw({ prompt: "> ", line: "x".repeat(50), cursor: 50 });
  await terminal.answer();
  screen.begin();
  assert(terminal.writes[1].startsWith(`${ERASE}> x`));
  await terminal.answer();
  await screen.flushed();
});
