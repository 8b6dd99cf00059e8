import { assert, assertEquals } from "@std/assert";
import { filterFault, isOneTopic, topicFault } from "../../lib/mqtt/topic.ts";

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
