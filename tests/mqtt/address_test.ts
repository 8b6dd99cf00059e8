import { assertEquals, assertFalse, assertThrows } from "@std/assert";
import {
  AddressError,
  type Broker,
  hostPort,
  parseBroker,
  parseUrl,
  roomUrl,
  showBroker,
} from "../../lib/mqtt/address.ts";

const at = (host: string, port = 1883): Broker => ({
  scheme: "mqtt",
  host,
  port,
  path: "",
});

Deno.test("address: hosts with and without a port", () => {
  const cases: [string, Broker][] = [
    ["localhost", at("localhost")],
    ["chat.example:1884", at("chat.example", 1884)],
    ["under_score.lan", at("under_score.lan")],
    ["10.0.0.7:1", at("10.0.0.7", 1)],
    ["bücher.example", at("xn--bcher-kva.example")],
    ["::1", at("::1")],
    ["[::1]", at("::1")],
    ["[FE80::2]:65535", at("FE80::2", 65535)],
    ["::ffff:10.0.0.7", at("::ffff:10.0.0.7")],
    ["[fe80::1%lo]", at("fe80::1%lo")],
    ["[fe80::1%eth0.7]:99", at("fe80::1%eth0.7", 99)],
    ["fe80::1%lo", at("fe80::1%lo")],
  ];
  for (const [text, broker] of cases) {
    assertEquals(parseBroker(text), broker, text);
  }
});

Deno.test("address: what it leaves out is completed", () => {
  assertEquals(parseBroker("a", { port: 7 }), at("a", 7));
  assertEquals(parseBroker("a:8", { port: 7 }), at("a", 8));
  assertEquals(parseBroker("a", { tls: true }), {
    ...at("a", 8883),
    scheme: "mqtts",
  });
  assertEquals(parseBroker("mqtt://a", { port: 7, tls: true }), at("a", 7));
});

Deno.test("address: URLs", () => {
  const ports = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 };
  for (const [scheme, port] of Object.entries(ports)) {
    const { path, ...broker } = parseBroker(`${scheme}://chat.example`);
    assertEquals(broker, { scheme, host: "chat.example", port } as Broker);
    assertEquals(path, scheme.startsWith("ws") ? "/" : "");
  }
  assertEquals(parseBroker("MQTT://a:80"), at("a", 80));
  assertEquals(parseBroker("mqtt://[::1]:1884/"), at("::1", 1884));
  for (const zone of ["%lo", "%25lo"]) {
    const broker = parseBroker(`mqtt://[fe80::1${zone}]:1884`);
    assertEquals(broker, at("fe80::1%lo", 1884));
  }
  assertThrows(() => parseBroker("ws://[fe80::1%lo]"), AddressError, "zone");
  assertEquals(parseBroker("wss://a:8443/mqtt?v=1"), {
    scheme: "wss",
    host: "a",
    port: 8443,
    path: "/mqtt?v=1",
  });
});

Deno.test("address: the room of a URL, and the URL of a room", () => {
  // The URL, its room, and how it is written, where that differs.
  const cases: [url: string, room: string | undefined, shown?: string][] = [
    ["mqtt://a", undefined],
    ["mqtt://a/", undefined],
    ["wss://a/mqtt#", undefined],
    ["mqtt://a/chat/room", "chat/room"],
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

Deno.test("address: a URL that is refused, and why", () => {
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
    ["mqtt://::1/b", "an IPv6 address stands in brackets, as in mqtt://[::1]"],
    ["mqtt://u:p@::1:7", "an IPv6 address stands in brackets"],
    ["mqtt://a\\b/c", "a mqtt:// URL that can't be read"],
    ["mqtt:///b", "a mqtt:// URL that can't be read"],
    ["mqtt://a:x/b", "a mqtt:// URL that can't be read"],
    ["mqtt://$(id)/b", "a mqtt:// URL that can't be read"],
    ["wss://a%3Bid/b#c", "a wss:// URL that can't be read"],
    ["mqtt://a,b/c", "a mqtt:// URL that can't be read"],
    ["http://a/b", "there is no scheme http://"],
    ["a/b", "it has no scheme"],
  ];
  for (const [url, fault] of cases) {
    const { message } = assertThrows(() => parseUrl(url), AddressError);
    assertEquals(message.slice(0, fault.length), fault, url);
  }
});

Deno.test("address: users and passwords in URLs", () => {
  assertEquals(parseBroker("mqtt://ann@a"), { ...at("a"), username: "ann" });
  assertEquals(parseBroker("mqtt://ann%40b:p%3Aw%2F@a:7"), {
    ...at("a", 7),
    username: "ann@b",
    password: "p:w/",
  });
  assertEquals(parseBroker("mqtt://ann:100%@a").password, "100%");
});

Deno.test("address: what is none", () => {
  const texts = [
    ...["", " ", "a b", "a:", "a:0", "a:65536", "a:123456", "a:-1", "a:1883x"],
    ...["a/room", "ann:secret@a", "[::1", "[::g]", "::1:99999", "mqtt://"],
    ...["mqtt://:1883", "mqtt://a:0", "mqtt://a:65536", "mqtt://a b"],
    ...["mqtt://a/room", "mqtt://a?x=1", "ws://a#part", "http://a"],
    ...["constructor://a", "mqtt+tls://a"],
  ];
  for (const text of texts) {
    assertThrows(() => parseBroker(text), AddressError, undefined, text);
  }
});

Deno.test("address: an error does not repeat a password", () => {
  const texts = [
    "ann:secret@a",
    "mqtt://ann:secret@a b",
    "mqtt://ann:secret@a/room",
    "http://ann:secret@a",
    "mqtt://ann:secret@a:0",
    "mqtt://ann:se/cret@a",
  ];
  for (const text of texts) {
    const { message } = assertThrows(() => parseBroker(text), AddressError);
    assertFalse(message.includes("cret"), message);
  }
});

Deno.test("address: how it is shown", () => {
  const shown = (text: string) => {
    const broker = parseBroker(text);
    return [hostPort(broker), showBroker(broker)];
  };
  assertEquals(shown("a"), ["a:1883", "a:1883"]);
  assertEquals(shown("::1"), ["[::1]:1883", "[::1]:1883"]);
  assertEquals(shown("mqtts://ann:secret@a"), ["a:8883", "mqtts://a:8883"]);
  assertEquals(shown("wss://a/mqtt"), ["a:443", "wss://a:443/mqtt"]);
  // A query may hold a token.
  assertEquals(shown("wss://a/mqtt?token=s")[1], "wss://a:443/mqtt");
});
