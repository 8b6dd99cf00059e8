import { assertEquals, assertFalse, assertThrows } from "@std/assert";
import {
  AddressError,
  type Broker,
  hostPort,
  parseBroker,
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
    ["[fe80::2]:65535", at("fe80::2", 65535)],
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
