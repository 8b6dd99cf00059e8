import { assertEquals } from "@std/assert";
import { parseBroker } from "../../lib/mqtt/address.ts";
import {
  retryDelay,
  Rotation,
  versionName,
  type WantedVersion,
} from "../../lib/mqtt/rotation.ts";
import { pureTests } from "../support/pure.ts";

const [A, B, C] = ["a", "b", "c"].map((host) => parseBroker(host));

/** Where a rotation is: the host and the version, such as `a5`. */
const at = ({ broker, version }: Rotation) => `${broker.host}${version}`;

/** What comes next after each failure, by whether it may be the version's. */
const after = (rotation: Rotation, failures: boolean[]) =>
  failures.map((mayBeVersion) => {
    const next = rotation.moveOn(mayBeVersion);
    return `${at(rotation)} ${next}`;
  });

const test = pureTests("rotation");

test("the brokers in turn, each in MQTT 5", () => {
  const rotation = new Rotation([A, B, C], "auto");
  assertEquals(at(rotation), "a5");
  assertEquals(after(rotation, [false, false, false, false]), [
    "b5 broker",
    "c5 broker",
    "a5 round",
    "b5 broker",
  ]);
});

test("3.1.1 where it may be the version, then the next broker", () => {
  const rotation = new Rotation([A, B], "auto");
  assertEquals(after(rotation, [true, true, true, false, true]), [
    "a4 version",
    "b5 broker",
    "b4 version",
    "a5 round",
    "a4 version",
  ]);
});

test("what a broker accepted is remembered, and tried at others first", () => {
  const rotation = new Rotation([A, B], "auto");
  rotation.moveOn(true);
  rotation.accepted();
  assertEquals(at(rotation), "a4");
  // A cluster mostly speaks one version; the other is the fallback.
  assertEquals(after(rotation, [false, true]), ["b4 broker", "b5 version"]);
  rotation.accepted();
  assertEquals(after(rotation, [false, false]), ["a4 broker", "b5 round"]);
});

test("a known version is not doubted", () => {
  const rotation = new Rotation([A, B], "auto");
  rotation.accepted();
  assertEquals(after(rotation, [true, true, true]), [
    "b5 broker",
    "b4 version",
    "a5 round",
  ]);
});

test("a round begins anew where a broker accepted us", () => {
  const rotation = new Rotation([A, B, C], "auto");
  rotation.moveOn(false);
  rotation.accepted();
  assertEquals(after(rotation, [false, false, false]), [
    "c5 broker",
    "a5 broker",
    "b5 round",
  ]);
});

test("one broker is tried again, from MQTT 5 on", () => {
  const rotation = new Rotation([A], "auto");
  assertEquals(after(rotation, [true, true]), ["a4 version", "a5 round"]);
});

for (const version of [5, 4] satisfies WantedVersion[]) {
  test(`${versionName(version)} alone, where only that is wanted`, () => {
    const rotation = new Rotation([A, B], version);
    assertEquals(at(rotation), `a${version}`);
    assertEquals(after(rotation, [true, true]), [
      `b${version} broker`,
      `a${version} round`,
    ]);
  });
}

test("versions have names", () => {
  assertEquals([5, 4].map((n) => versionName(n as 4 | 5)), [
    "MQTT 5",
    "MQTT 3.1.1",
  ]);
});

Deno.test({
  name: "retry: a second, doubling to two minutes",
  permissions: "none",
  fn() {
    const seconds = Array.from(
      { length: 9 },
      (_, failures) => retryDelay(failures, 0) / 1000,
    );
    assertEquals(seconds, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
    assertEquals(retryDelay(5_000, 0), 120_000);
  },
});

Deno.test({
  name: "retry: less up to a quarter, in whole milliseconds",
  permissions: "none",
  fn() {
    assertEquals(retryDelay(0, 1), 750);
    assertEquals(retryDelay(0, 0.5), 875);
    assertEquals(retryDelay(20, 1), 90_000);
    assertEquals(retryDelay(0, 1 / 3), 917);
  },
});
