import { assertEquals } from "@std/assert";
import { type Payload, type Received } from "../../lib/protocol.ts";
import { Namesakes } from "../../lib/room/namesake.ts";
import { renameNotice } from "../../lib/room/members.ts";
import {
  joined,
  left,
  lost,
  message,
  notice,
  received,
} from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("namesakes");

const ROOM = "chat/room";

/** Whose it is, and whether it is the first sign of a namesake. */
function judge(
  namesakes: Namesakes,
  payload: Payload,
  more: Partial<Received> = {},
  isKept = false,
) {
  const one = { ...received(payload), ...more };
  const owner = namesakes.ownerOf(one, isKept);
  return [owner, namesakes.isFirstSign(one, owner)];
}

test("by the id, not by the name", () => {
  const namesakes = new Namesakes("ann");
  const sentTo = ROOM;
  assertEquals(judge(namesakes, joined("ann"), { sentTo }), ["reader", false]);
  assertEquals(judge(namesakes, joined("bob")), ["other", false]);
  assertEquals(judge(namesakes, left("ann")), ["namesake", false]);
  assertEquals(judge(namesakes, joined("ann")), ["namesake", true]);
  assertEquals(judge(namesakes, message("hi", "ann")), ["namesake", false]);
});

test("whoever takes the name is one, and whoever has the reader's new one", () => {
  const namesakes = new Namesakes("ann");
  const rename = notice(renameNotice("bob", "ann"), "bob");
  assertEquals(judge(namesakes, rename), ["other", true]);
  namesakes.rename("cy");
  assertEquals(judge(namesakes, message("hi", "ann")), ["other", false]);
  assertEquals(judge(namesakes, message("hi", "cy")), ["namesake", true]);
});

test("what an earlier run may have said is nobody's", () => {
  const namesakes = new Namesakes("ann");
  const retain = true;
  assertEquals(judge(namesakes, joined("ann"), { retain }), ["unclear", false]);
  assertEquals(judge(namesakes, left("ann"), {}, true), ["unclear", false]);
});

test("after a loss, the reader's own will is not taken for a namesake's", () => {
  const namesakes = new Namesakes("ann");
  assertEquals(judge(namesakes, lost("ann")), ["namesake", false]);
  namesakes.lost();
  assertEquals(judge(namesakes, lost("bob")), ["other", false]);
  assertEquals(judge(namesakes, lost("ann")), ["unclear", false]);
  assertEquals(judge(namesakes, lost("ann")), ["namesake", false]);
});
