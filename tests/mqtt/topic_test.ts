import { assert, assertEquals } from "@std/assert";
import {
  filterFault,
  isOneTopic,
  topicFault,
  topicMatches,
} from "../../lib/mqtt/topic.ts";

/** As long as MQTT allows: 65,535 bytes in UTF-8. */
const LONGEST = "é".repeat(32_767) + "a";

Deno.test("topic: names to publish to", () => {
  const good = ["chat", "chat/room", "/", "a//b", "chat/räume/日本 1", LONGEST];
  for (const topic of good) assertEquals(topicFault(topic), undefined, topic);
});

Deno.test("topic: what is wrong with a name", () => {
  const bad: [string, RegExp][] = [
    ["", /^is empty$/],
    ["chat/#", /^has a wildcard/],
    ["chat/+/news", /^has a wildcard/],
    ["a+b", /^has a wildcard/],
    ["a\0b", /^has a control character/],
    ["a\nb", /^has a control character/],
    ["a\u009bb", /^has a control character/],
    ["a\ufffeb", /^has a control character/],
    ["a\ud800b", /^has a control character/],
    [LONGEST + "b", /^takes 65536 bytes; 65535 is the limit$/],
  ];
  for (const [topic, fault] of bad) assertFault(topicFault(topic), fault);
});

Deno.test("topic: filters to subscribe to", () => {
  const good = [
    "chat/room",
    "#",
    "+",
    "chat/#",
    "chat/+/news",
    "+/+",
    "+/#",
    "$share/group/chat/#",
    LONGEST,
  ];
  for (const filter of good) assertEquals(filterFault(filter), undefined);
});

Deno.test("topic: what is wrong with a filter", () => {
  const bad: [string, RegExp][] = [
    ["", /^is empty$/],
    ["chat/#/news", /^has a # before its end$/],
    ["#/", /^has a # before its end$/],
    ["chat#", /^has a wildcard that is not a level of its own/],
    ["chat/a+", /^has a wildcard that is not a level of its own/],
    ["##", /^has a wildcard that is not a level of its own/],
    ["chat/\x1b/#", /^has a control character/],
    [LONGEST + "b", /^takes 65536 bytes/],
    ["$share/group", /^shares no room; /],
    ["$share/group/", /^shares no room; /],
    ["$share//chat", /^shares no room; /],
    ["$share/+/chat", /^shares no room; /],
  ];
  for (const [filter, fault] of bad) assertFault(filterFault(filter), fault);
});

Deno.test("topic: which filters stand for one topic", () => {
  for (const topic of ["chat", "chat/room", "a b", "$share"]) {
    assert(isOneTopic(topic), topic);
  }
  for (const filter of ["#", "chat/+", "chat/#", "$share/group/chat"]) {
    assert(!isOneTopic(filter), filter);
  }
});

/** Fails unless a fault was found, and is named so. */
function assertFault(fault: string | undefined, expected: RegExp) {
  assert(fault !== undefined && expected.test(fault), `${fault} ${expected}`);
}

/**
 * Filter, topic, whether they match. Mosquitto 2.0.11 agrees on all but the
 * topics below $SYS, which can't be tried: clients can't publish there.
 */
const MATCHES: [string, string, boolean][] = [
  ["chat/#", "chat", true],
  ["chat/#", "chat/", true],
  ["chat/#", "chat/room", true],
  ["chat/#", "chat/room/a/b", true],
  ["chat/#", "chats", false],
  ["chat/#", "/chat", false],
  ["chat/#", "cha", false],
  ["chat", "chat/", false],
  ["chat/", "chat", false],
  ["chat/", "chat/", true],
  ["#", "a", true],
  ["#", "a/b/c", true],
  ["#", "$SYS/x", false],
  ["+", "$x", false],
  ["+/x", "$SYS/x", false],
  ["$SYS/#", "$SYS/x", true],
  ["$SYS/#", "SYS/x", false],
  ["+", "a", true],
  ["+", "a/b", false],
  ["+", "/a", false],
  ["/+", "/a", true],
  ["+/+", "/a", true],
  ["+/+", "/", true],
  ["a/+", "a/", true],
  ["a/+", "a", false],
  ["a/+/c", "a//c", true],
  ["a/+/c", "a/b/b/c", false],
  ["a/+/#", "a", false],
  ["a/+/#", "a/b/c/d", true],
  ["+/#", "a", true],
  ["a/bc", "a/b", false],
  ["a/b/c", "a/b", false],
  ["raum/ä/#", "raum/ä/ö", true],
];

Deno.test("topic: filters match as MQTT says", () => {
  for (const [filter, topic, expected] of MATCHES) {
    assertEquals(topicMatches(filter, topic), expected, `${filter} ${topic}`);
  }
});
