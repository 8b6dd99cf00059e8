import { assertEquals } from "@std/assert";
import {
  joinNotice,
  leaveNotice,
  presenceOf,
  timeoutNotice,
} from "../../lib/room/notices.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("notices");

test("the standard notices", () => {
  assertEquals(
    joinNotice("alice", "chat/room"),
    "User alice is now subscribed to chat/room.",
  );
  assertEquals(
    leaveNotice("alice", "chat/room"),
    "User alice disconnecting from chat/room.",
  );
  assertEquals(timeoutNotice("alice"), "User alice timed out.");
});

test("the standard notices are told from others", () => {
  const change = (notice: string, from = "alice", topic = "chat/room") =>
    presenceOf({ type: "notice", from, notice }, topic);
  const joined = joinNotice("alice", "chat/room");
  const left = leaveNotice("alice", "chat/room");
  assertEquals(change(joined), "joined");
  assertEquals(change(left), "left");
  assertEquals(change(timeoutNotice("alice")), "timed out");
  assertEquals(change(timeoutNotice("alice"), "alice", "x"), "timed out");
  for (const notice of [joined, left]) {
    assertEquals(change(notice, "alice", "chat/hall"), undefined);
  }
  for (const notice of [joined, left, timeoutNotice("alice")]) {
    assertEquals(change(notice, "bob"), undefined);
    assertEquals(change(`${notice} `), undefined);
  }
  assertEquals(change("User alice timed out"), undefined);
  assertEquals(change(""), undefined);
});

test("the older program's notices mean what ours mean", () => {
  const change = (notice: string, topic = "chat") =>
    presenceOf({ type: "notice", from: "chat", notice }, topic);
  assertEquals(change("User chat is now subscribed to chat ."), "joined");
  assertEquals(change("User chat disconnecting from chat ."), "left");
  assertEquals(change("User chat timed out.\n"), "timed out");
  assertEquals(change("User chat is now subscribed to hall ."), undefined);
});

test("a topic that a broker respelled is the same", () => {
  const notice = joinNotice("alice", "chat.room/1");
  const change = (topic: string) =>
    presenceOf({ type: "notice", from: "alice", notice }, topic);
  assertEquals(change("chat/room/1"), "joined");
  assertEquals(change("chat.room.1"), "joined");
  assertEquals(change("chat/room/2"), undefined);
});
