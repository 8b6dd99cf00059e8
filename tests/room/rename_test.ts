import { assertEquals } from "@std/assert";
import { nameFault, newNameIn, renameNotice } from "../../lib/room/rename.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("rename");

const read = (notice: string, from: string) =>
  newNameIn({ type: "notice", from, notice });

test("what is said is understood, whatever the names", () => {
  const names = ["Ada", "x.", "a is now known as b.", "__proto__", "x\n", "😀"];
  for (const from of names) {
    for (const name of names) {
      assertEquals(read(renameNotice(from, name), from), name);
    }
  }
  assertEquals(
    renameNotice("Ada", "Ada2"),
    "User Ada is now known as Ada2.",
  );
});

test("nothing else is", () => {
  const texts = [
    "User bob is now known as Ada.", // another's
    "User Ada is now known as .",
    "User Ada is now known as",
    "User Ada is now known as Ada2",
    "User Ada is now subscribed to chat.",
    " User Ada is now known as Ada2.",
    renameNotice("Ada", "x".repeat(257)),
  ];
  for (const text of texts) assertEquals(read(text, "Ada"), undefined, text);
});

test("which names one may go by", () => {
  assertEquals(nameFault("x".repeat(256)), undefined);
  assertEquals(
    nameFault("x".repeat(257)),
    "takes 256 characters at most, not 257",
  );
});
