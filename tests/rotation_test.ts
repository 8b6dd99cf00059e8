import { assertEquals } from "@std/assert";
import { parseBroker } from "../lib/address.ts";
import { Rotation, versionName, type WantedVersion } from "../lib/rotation.ts";

const [A, B, C] = ["a", "b", "c"].map((host) => parseBroker(host));

/** Where a rotation is: the host and the version, such as `a5`. */
const at = ({ broker, version }: Rotation) => `${broker.host}${version}`;

/** Where it is after each failure, by whether it may be the version's. */
function after(rotation: Rotation, failures: boolean[]): string[] {
  return failures.map((mayBeVersion) => {
    const { broker } = rotation;
    const isSame = rotation.moveOn(mayBeVersion);
    assertEquals(isSame, rotation.broker === broker);
    return at(rotation);
  });
}

/** A test without any permission. */
const test = (name: string, fn: () => void) =>
  Deno.test({ name: `rotation: ${name}`, permissions: "none", fn });

test("the brokers in turn, each in MQTT 5", () => {
  const rotation = new Rotation([A, B, C], "auto");
  assertEquals(at(rotation), "a5");
  const places = after(rotation, [false, false, false, false]);
  assertEquals(places, ["b5", "c5", "a5", "b5"]);
});

test("3.1.1 where it may be the version, then the next broker", () => {
  const rotation = new Rotation([A, B], "auto");
  const places = after(rotation, [true, true, true, false, true]);
  assertEquals(places, ["a4", "b5", "b4", "a5", "a4"]);
});

test("what a broker accepted is remembered, for that broker", () => {
  const rotation = new Rotation([A, B], "auto");
  rotation.moveOn(true);
  rotation.accepted();
  assertEquals(at(rotation), "a4");
  assertEquals(after(rotation, [false]), ["b5"]);
  rotation.accepted();
  assertEquals(after(rotation, [false, false]), ["a4", "b5"]);
});

test("a known version is not doubted", () => {
  const rotation = new Rotation([A, B], "auto");
  rotation.accepted();
  assertEquals(after(rotation, [true, true, true]), ["b5", "b4", "a5"]);
});

test("one broker is tried again, from MQTT 5 on", () => {
  const rotation = new Rotation([A], "auto");
  assertEquals(rotation.moveOn(true), true);
  assertEquals(at(rotation), "a4");
  assertEquals(rotation.moveOn(true), false);
  assertEquals(at(rotation), "a5");
});

for (const version of [5, 4] satisfies WantedVersion[]) {
  test(`${versionName(version)} alone, where only that is wanted`, () => {
    const rotation = new Rotation([A, B], version);
    assertEquals(at(rotation), `a${version}`);
    assertEquals(rotation.moveOn(true), false);
    assertEquals(at(rotation), `b${version}`);
  });
}

test("versions have names", () => {
  assertEquals([5, 4].map((n) => versionName(n as 4 | 5)), [
    "MQTT 5",
    "MQTT 3.1.1",
  ]);
});
