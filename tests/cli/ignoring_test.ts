import { assertEquals } from "@std/assert";
import { ignore, unignore } from "../../lib/cli/ignoring.ts";
import { Ignored } from "../../lib/room/ignored.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("ignoring");

test("a name is put on the list, once, and taken off", () => {
  const ignored = new Ignored();
  const seen = ["Bob", "a: b"];
  assertEquals(ignore("Bob", "Ada", ignored, seen), [
    "Nothing of Bob is shown from now on; /unignore Bob ends that.",
  ]);
  assertEquals(ignore('"a: b"', "Ada", ignored, seen), [
    'Nothing of "a: b" is shown from now on; /unignore "a: b" ends that.',
  ]);
  assertEquals(ignore("Bob", "Ada", ignored, seen), [
    "Bob is ignored already.",
  ]);
  assertEquals(ignore("", "Ada", ignored, seen), ['Ignored: Bob, "a: b".']);
  assertEquals(unignore("", ignored), [
    '/unignore needs a name. Ignored: Bob, "a: b".',
  ]);
  assertEquals(unignore("Bob", ignored), ["Bob is shown again."]);
  assertEquals(unignore("bob", ignored), ["bob is not ignored."]);
  assertEquals(unignore('"a: b"', ignored), ['"a: b" is shown again.']);
  assertEquals(ignore("", "Ada", ignored, seen), [
    "Nobody is ignored; /ignore NAME shows nothing of NAME.",
  ]);
});

test("not oneself, however it is written", () => {
  const ignored = new Ignored();
  assertEquals(ignore("Ada", "Ada", ignored, []), [
    "You can't ignore yourself.",
  ]);
  assertEquals(ignore('"a: b"', "a: b", ignored, []), [
    "You can't ignore yourself.",
  ]);
  assertEquals(ignored.list(), []);
});

test("names that look alike are told apart", () => {
  const seen = ["Ada", "Аda", "Ada\u200b", "Eda"];
  assertEquals(ignore("ada", "bob", new Ignored(), seen), [
    "Nothing of ada is shown from now on; /unignore ada ends that.",
    "Nobody of that very name has been seen.",
    'Not ignored, though alike: Ada, Аda (U+0410), "Ada<U+200B>".',
  ]);
});

test("what is answered is safe to print", () => {
  const ignored = new Ignored();
  const answers = ["a\x1b[2J", '"\x1b[2J'].flatMap((name) => [
    ...ignore(name, "bob", ignored, ["A\x1b[2J"]),
    ...ignore(name, "bob", ignored, []),
    ...unignore(name, ignored),
  ]);
  // deno-lint-ignore no-control-regex -- finding them is the test
  assertEquals(answers.filter((line) => /[\x00-\x1f]/.test(line)), []);
});
