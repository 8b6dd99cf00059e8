import { assertEquals } from "@std/assert";
import { KeyStream } from "../../lib/terminal/keyboard.ts";
import { keyName } from "../../lib/terminal/keys.ts";

/** A keyboard's keys, with a clock of the test's own. */
function open() {
  const heard: string[] = [];
  const waits: number[] = [];
  let timeOut: (() => void) | undefined;
  const keys = new KeyStream(
    ({ type, text }) =>
      heard.push(type === "paste" ? `paste ${text}` : keyName(text) || text),
    (milliseconds, then) => {
      waits.push(milliseconds);
      timeOut = then;
      return () => timeOut = undefined;
    },
  );
  return {
    keys,
    heard,
    waits,
    /** As much time passes as is waited for. */
    passTime: () => timeOut?.(),
  };
}

Deno.test("keyboard: ESC alone is a key, a tenth of a second later", () => {
  const { keys, heard, waits, passTime } = open();
  keys.take("a");
  keys.take("\x1b");
  assertEquals(heard, ["a"]);
  passTime();
  assertEquals(heard, ["a", "Escape"]);
  keys.take("[A");
  assertEquals(heard.slice(2), ["[A"]);
  assertEquals(waits, [100]);
});

Deno.test("keyboard: the rest of a key may come later", () => {
  const { keys, heard, passTime } = open();
  for (const piece of ["\x1b", "[", "1;", "5", "C"]) keys.take(piece);
  assertEquals(heard, ["C-Right"]);
  passTime();
  assertEquals(heard, ["C-Right"]);
});

Deno.test("keyboard: of a report that is broken off, nothing is text", () => {
  const { keys, heard, waits, passTime } = open();
  keys.take("\x1b[<0;12");
  passTime();
  keys.take("a");
  assertEquals(heard.filter((key) => !key.startsWith("\x1b")), ["a"]);
  assertEquals(waits, [500]);
});

Deno.test("keyboard: what follows an Alt that nothing answers is typed", () => {
  const { keys, heard, passTime } = open();
  keys.take("\x1b]");
  keys.take("typed");
  passTime();
  assertEquals(heard, ["M-]", "typed"]);
});

Deno.test("keyboard: a paste that never ends is one, a while after", () => {
  const { keys, heard, waits, passTime } = open();
  keys.take("\x1b[200~half\rof");
  keys.take(" it\x1b[20");
  assertEquals(heard, []);
  passTime();
  assertEquals(heard, ["paste half\rof it\x1b[20"]);
  keys.take("typed\x1b[201~");
  assertEquals(heard.slice(1), ["typed", "\x1b[201~"]);
  assertEquals(waits, [3_000, 3_000]);
});

Deno.test("keyboard: closed, it hands nothing on", () => {
  const heard: string[] = [];
  const keys: KeyStream = new KeyStream(({ text }) => {
    heard.push(text);
    keys.close();
  });
  keys.take("a\x01b\x1b");
  keys.take("c");
  assertEquals(heard, ["a"]);
});
