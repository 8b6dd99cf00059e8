import { assert, assertEquals } from "@std/assert";
import {
  filterFault,
  isOneTopic,
  topicFault,
  topicMatches,
} from "../../lib/mqtt/topic.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("topic");

/** As long as MQTT allows: 65,535 bytes in UTF-8. */
const LONGEST = "é".repeat(32_767) + "a";

test("what can be published to, and subscribed to", () => {
  const topics = ["chat", "/", "a//b", "chat/räume/日本 1", "$share", LONGEST];
  for (const topic of topics) {
    assertEquals(topicFault(topic) ?? filterFault(topic), undefined, topic);
    assert(isOneTopic(topic), topic);
  }
  const filters = ["#", "+", "chat/#", "chat/+/news", "+/+", "+/#"];
  for (const filter of [...filters, "$share/group/chat/#"]) {
    assertEquals(filterFault(filter), undefined, filter);
    assert(!isOneTopic(filter), filter);
  }
});

test("what is wrong with a name, or a filter", () => {
  const unsafe = ["a\0b", "a\nb", "a\u009bb", "a\ufffeb", "a\ud800b"];
  const shared = ["group", "group/", "/chat", "+/chat"];
  const faults: [fault: RegExp, names: string[], filters: string[]][] = [
    [/^is empty$/, [""], [""]],
    [/^has a wildcard, /, ["chat/#", "chat/+/news", "a+b"], []],
    [/^has a wildcard that is not a level /, [], ["chat#", "chat/a+", "##"]],
    [/^has a # before its end$/, [], ["chat/#/news", "#/"]],
    [/^has a control character/, unsafe, ["chat/\x1b/#"]],
    [/^takes 65536 bytes; 65535 is/, [`${LONGEST}b`], [`${LONGEST}b`]],
    [/^shares no room; /, [], shared.map((rest) => `$share/${rest}`)],
    [/^is shared with other readers/, ["$share/group/chat"], []],
  ];
  for (const [fault, names, filters] of faults) {
    const found = [...names.map(topicFault), ...filters.map(filterFault)];
    for (const text of found) assert(fault.test(`${text}`), `${text} ${fault}`);
  }
});

/**
 * Filter, topics that it matches, others. Mosquitto 2.0.11 agrees on all but the
 * topics below $SYS, which can't be tried: clients can't publish there.
 */
const MATCHES: [filter: string, topics: string[], others: string[]][] = [
  ["chat/#", ["chat", "chat/", "chat/room", "chat/room/a/b"], []],
  ["chat/#", [], ["chats", "/chat", "cha"]],
  ["chat", ["chat"], ["chat/"]],
  ["chat/", ["chat/"], ["chat"]],
  ["#", ["a", "a/b/c"], ["$SYS/x"]],
  ["+", ["a"], ["$x", "a/b", "/a"]],
  ["+/x", ["a/x"], ["$SYS/x"]],
  ["$SYS/#", ["$SYS/x"], ["SYS/x"]],
  ["/+", ["/a"], []],
  ["+/+", ["/a", "/"], []],
  ["a/+", ["a/"], ["a"]],
  ["a/+/c", ["a//c"], ["a/b/b/c"]],
  ["a/+/#", ["a/b/c/d"], ["a"]],
  ["+/#", ["a"], []],
  ["a/bc", [], ["a/b"]],
  ["a/b/c", [], ["a/b"]],
  ["raum/ä/#", ["raum/ä/ö"], []],
];

test("filters match as MQTT says", () => {
  for (const [filter, topics, others] of MATCHES) {
    for (const topic of [...topics, ...others]) {
      const isWanted = topics.includes(topic);
      assertEquals(topicMatches(filter, topic), isWanted, `${filter} ${topic}`);
    }
  }
});
