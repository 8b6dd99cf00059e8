/** Addresses of brokers and rooms: URLs, topics, and filters. */

import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import {
  AddressError,
  type Broker,
  hostPort,
  isLoopback,
  parseBroker,
  parseUrl,
  roomUrl,
  showBroker,
} from "../../lib/mqtt/address.ts";
import {
  filterFault,
  isOneTopic,
  topicFault,
  topicMatches,
} from "../../lib/mqtt/topic.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("address");

const at = (host: string, port = 1883, more: Partial<Broker> = {}): Broker => ({
  ...{ scheme: "mqtt", host, port, path: "", ...more },
});

test("hosts, URLs, users, and what is left out", () => {
  const cases: [text: string, Broker, Parameters<typeof parseBroker>[1]?][] = [
    ["localhost", at("localhost")],
    ["under_score.lan", at("under_score.lan")],
    ["10.0.0.7:1", at("10.0.0.7", 1)],
    ["bücher.example", at("xn--bcher-kva.example")],
    ["[::1]", at("::1")],
    ["[FE80::2]:65535", at("FE80::2", 65535)],
    ["::ffff:10.0.0.7", at("::ffff:10.0.0.7")],
    ["[fe80::1%eth0.7]:99", at("fe80::1%eth0.7", 99)],
    ["fe80::1%lo", at("fe80::1%lo")],
    ["a", at("a", 7), { port: 7 }],
    ["a:8", at("a", 8), { port: 7 }],
    ["a", at("a", 8883, { scheme: "mqtts" }), { tls: true }],
    ["mqtt://a", at("a", 7), { port: 7, tls: true }],
    ["mqtt://a:8", at("a", 8), { port: 7 }],
    ["mqtts://a", at("a", 8883, { scheme: "mqtts" })],
    ["ws://a", at("a", 80, { scheme: "ws", path: "/" })],
    ["wss://a", at("a", 443, { scheme: "wss", path: "/" })],
    ["wss://a:9/b?v=1", at("a", 9, { scheme: "wss", path: "/b?v=1" })],
    ["MQTT://a:80", at("a", 80)],
    ["mqtt://[fe80::1%lo]:1884", at("fe80::1%lo", 1884)],
    ["mqtt://[fe80::1%25lo]:1884", at("fe80::1%lo", 1884)],
    ["mqtt://ann@a", at("a", 1883, { username: "ann" })],
    ["mqtt://%40:%3A%2F@a", at("a", 1883, { username: "@", password: ":/" })],
    ["mqtt://u:1%@a", at("a", 1883, { username: "u", password: "1%" })],
  ];
  for (const [text, broker, defaults] of cases) {
    assertEquals(parseBroker(text, defaults), broker, text);
  }
});

test("the room of a URL, and the URL of a room", () => {
  // The URL, its room, and how it is written, where that differs.
  const cases: [url: string, room: string | undefined, shown?: string][] = [
    ["mqtt://a", undefined],
    ["mqtt://a/", undefined],
    ["wss://a/mqtt#", undefined],
    ["mqtts://a:7/chat/room", "chat/room"],
    ["mqtt://a//chat", "/chat"],
    ["mqtt://a/%2Fchat%2F", "/chat/", "mqtt://a//chat%2F"],
    ["mqtt://a/a/./b/../c", "a/./b/../c"],
    ["mqtt://a/%2E%2e", "..", "mqtt://a/.."],
    ["mqtt://a/a%20b/%23/%3F/%25", "a b/#/?/%"],
    ["mqtt://a/b%C3%BCro", "büro"],
    ["mqtt://a/büro+1", "büro+1", "mqtt://a/b%C3%BCro%2B1"],
    ["mqtt://a/$share/g/a", "$share/g/a", "mqtt://a/%24share/g/a"],
    ["mqtt://a/'!(*)\\", "'!(*)\\", "mqtt://a/%27%21%28%2A%29%5C"],
    ["mqtt://[::1]:7/x", "x"],
    ["mqtt://[fe80::1%25lo]/a%20b%5D/c", "a b]/c"],
    ["ws://u:p@a#a/%23?", "a/#?", "ws://a/#a/%23%3F"],
    ["wss://a/m%41?token=x#/a", "/a", "wss://a/m%41#/a"],
    ["ws://a/x';$y#a", "a", "ws://a/x%27%3B%24y#a"],
  ];
  for (const [url, room, shown = url] of cases) {
    const read = parseUrl(url);
    assertEquals(read.room, room, url);
    if (room === undefined) continue;
    const written = roomUrl(read.broker, room);
    assertEquals(written, shown);
    assertEquals(parseUrl(written).room, room);
  }
});

test("a URL that is refused, and why", () => {
  const cases: [url: string, fault: string][] = [
    ["mqtt://a/b#", '"#" is written %23'],
    ["mqtt://a#b", '"#" is written %23'],
    ["mqtts://a/b?", '"?" is written %3F'],
    ["mqtt://a?b", '"?" is written %3F'],
    ["ws://a#b#c", '"#" is written %23'],
    ["mqtt://a/b c", '" " is written %20'],
    ["ws://a#b\n", '"\\n" is written %0A'],
    ["mqtt://a/100%", "its % signs encode no UTF-8 text; a % itself is "],
    ["mqtt://a/b%FCro", "its % signs encode no UTF-8 text"],
    ["mqtt://a/b/", '"/" at its end is left out, or written %2F'],
    ["ws://a#b/", '"/" at its end'],
    ["mqtts://[fe80::1%lo]", "mqtts:// takes no IPv6 zone (%lo)"],
    ["mqtt://::1/b", "an IPv6 address stands in brackets, as in mqtt://[::1]"],
    ["mqtt://u:p@::1:7", "an IPv6 address stands in brackets"],
    ["http://a/b", "there is no scheme http://"],
    ["a/b", "it has no scheme"],
    ...["a\\b/c", "/b", "a:x/b", "$(id)/b", "a%3Bid/b", "a,b/c"]
      .map((
        it,
      ): [string, string] => [`mqtt://${it}`, "a mqtt:// URL that can't"]),
  ];
  for (const [url, fault] of cases) {
    const { message } = assertThrows(() => parseUrl(url), AddressError);
    assertEquals(message.slice(0, fault.length), fault, url);
  }
});

test("what is none, and no error repeats a password", () => {
  const texts = [
    ...["", " ", "a b", "a:", "a:0", "a:65536", "a:123456", "a:-1", "a:1883x"],
    ...["a/room", "ann:secret@a", "[::1", "[::g]", "::1:99999", "mqtt://"],
    ...["mqtt://:1883", "mqtt://a:0", "mqtt://a:65536", "mqtt://a b"],
    ...["mqtt://a/room", "mqtt://a?x=1", "ws://a#part", "http://a"],
    ...["constructor://a", "mqtt+tls://a", "mqtt://ann:secret@a b"],
    ...["mqtt://ann:secret@a/room", "http://ann:secret@a"],
    ...["mqtt://ann:secret@a:0", "mqtt://ann:se/cret@a"],
  ];
  for (const text of texts) {
    const { message } = assertThrows(() => parseBroker(text), AddressError);
    assertFalse(message.includes("cret"), message);
  }
});

test("how it is shown", () => {
  const cases: [text: string, address: string, shown?: string][] = [
    ["a", "a:1883"],
    ["::1", "[::1]:1883"],
    ["mqtts://ann:secret@a", "a:8883", "mqtts://a:8883"],
    // A query may hold a token.
    ["wss://a/mqtt?token=s", "a:443", "wss://a:443/mqtt"],
  ];
  for (const [text, address, shown = address] of cases) {
    const broker = parseBroker(text);
    assertEquals([hostPort(broker), showBroker(broker)], [address, shown]);
  }
  const hosts = ["LOCALHOST", "127.1.2.3", "::1", "127.0.0.1.a", "a"];
  const isHere = hosts.map((host) => isLoopback(parseBroker(host)));
  assertEquals(isHere, [true, true, true, false, false]);
});

const topics = pureTests("topic");

/** As long as MQTT allows: 65,535 bytes in UTF-8. */
const LONGEST = "é".repeat(32_767) + "a";

topics("what can be published to, and subscribed to", () => {
  const names = ["chat", "/", "a//b", "chat/räume/日本 1", "$share", LONGEST];
  for (const topic of names) {
    assertEquals(topicFault(topic) ?? filterFault(topic), undefined, topic);
    assert(isOneTopic(topic), topic);
  }
  const filters = ["#", "+", "chat/#", "chat/+/news", "+/+", "+/#"];
  for (const filter of [...filters, "$share/group/chat/#"]) {
    assertEquals(filterFault(filter), undefined, filter);
    assert(!isOneTopic(filter), filter);
  }
});

topics("what is wrong with a name, or a filter", () => {
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

topics("filters match as MQTT says", () => {
  for (const [filter, topics, others] of MATCHES) {
    for (const topic of [...topics, ...others]) {
      const isWanted = topics.includes(topic);
      assertEquals(topicMatches(filter, topic), isWanted, `${filter} ${topic}`);
    }
  }
});
