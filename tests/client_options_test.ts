import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { AddressError, ChatClient, TopicError } from "../lib/client.ts";
import { completeOptions } from "../lib/client_options.ts";

const WHO = { username: "ann" };
const LOCAL = { scheme: "mqtt", host: "localhost", port: 1883, path: "" };

Deno.test("client options: brokers and a user are enough", () => {
  const { clientId, ...settings } = completeOptions({
    brokers: ["localhost"],
    username: "ann",
  });
  assertMatch(clientId, /^chat[0-9a-f]{16}$/);
  assertEquals<object>(settings, {
    brokers: [LOCAL],
    username: "ann",
    password: undefined,
    hasRandomId: true,
    isDefaultUser: undefined,
    keepalive: 30,
    protocolVersion: "auto",
    timeout: 10,
    tls: undefined,
    acknowledges: "received",
    session: { resume: false, expiry: 300 },
  });
});

Deno.test("client options: what is given replaces the defaults", () => {
  const said = {
    username: "ann",
    password: "secret",
    clientId: "ann-1",
    keepalive: 5,
    protocolVersion: 4,
    timeout: 1.5,
    tls: { ca: "PEM" },
    acknowledges: "asked",
    session: { resume: true, expiry: 60 },
  } as const;
  const settings = completeOptions({
    ...said,
    brokers: ["mqtts://a.example"],
  });
  assertEquals<object>(settings, {
    ...said,
    brokers: [{ scheme: "mqtts", host: "a.example", port: 8883, path: "" }],
    hasRandomId: false,
    isDefaultUser: undefined,
  });
});

Deno.test("client options: brokers as text and as objects", () => {
  const broker = { ...LOCAL, scheme: "mqtt", host: "b" } as const;
  const brokersOf = (text: string, tls = {}) =>
    completeOptions({ ...WHO, brokers: [text, broker], tls }).brokers;
  const [url, object] = brokersOf("wss://ann:pw@a.example/mqtt");
  assertEquals<object>(url, {
    ...{ scheme: "wss", host: "a.example", port: 443, path: "/mqtt" },
    ...{ username: "ann", password: "pw" },
  });
  assertEquals(object, broker);
  // With something to trust or to show, a bare host is not spoken to in plain.
  assertEquals(brokersOf("a", {})[0].scheme, "mqtt");
  assertEquals(brokersOf("a", { ca: "PEM" })[0].scheme, "mqtts");
});

Deno.test("client options: one sentence for each fault, by name", async () => {
  const faultOf = (...brokers: string[]) =>
    assertThrows(
      () => completeOptions({ ...WHO, brokers }),
      AddressError,
    ).message;
  assertEquals(faultOf(), "`brokers` is empty; name at least one.");
  assertEquals(
    faultOf("a", "mqtt://ann:secret@a b"),
    "`brokers[1]` does not fit: a mqtt:// URL that can't be read.",
  );
  for (const timeout of [0, -1, NaN, Infinity, 2_147_484]) {
    assertThrows(
      () => completeOptions({ ...WHO, brokers: ["a"], timeout }),
      RangeError,
      "`timeout` takes seconds above 0, 2147483 at most.",
    );
  }
  for (const keepalive of [-1, 1.5, NaN, 65_536]) {
    assertThrows(
      () => completeOptions({ ...WHO, brokers: ["a"], keepalive }),
      RangeError,
      "`keepalive` takes whole seconds from 0 to 65535.",
    );
  }
  const payload = { type: "notice", from: "ann", notice: "Gone." } as const;
  const will = { topic: "room/#", payload };
  await assertRejects(
    () => ChatClient.connect({ ...WHO, brokers: ["a"], will }),
    TopicError,
    'The topic "room/#" has a wildcard, + or #; messages go to one room.',
  );
});
