/** Who signs, and the files of `--sign-key` and `--people`. */

import { assert, assertEquals } from "@std/assert";
import { Signer } from "../../lib/client.ts";
import { isSigned } from "../../lib/sign.ts";
import { at, TOPIC } from "../support/brokers.ts";
import { KEY, PEM, TextFile } from "../support/keys.ts";
import {
  assertOneLine,
  assertQuietSuccess,
  listening,
  run,
} from "../support/processes.ts";
import { nextPayload, roomTests } from "../support/peers.ts";

const test = roomTests("signed");

test("publishers sign with --sign-key only", async ({ broker, peer }) => {
  await using file = new TextFile(PEM);
  const permissions = ["-N", `-R=${file.path}`];
  const named = at(broker, "--name", "Ada");
  for (const args of [["-m", "hi"], []]) {
    const stdin = "hi\n";
    assertQuietSuccess(
      await run("publisher.ts", [...named, ...args], { stdin }),
    );
    assertEquals((await nextPayload(peer)).sig, undefined);
    const signed = [...named, "--sign-key", file.path, ...args];
    const options = { stdin, permissions };
    assertQuietSuccess(await run("publisher.ts", signed, options));
    const payload = await nextPayload(peer);
    assertEquals(payload.key, KEY);
    assert(isSigned(TOPIC, payload));
  }
});

Deno.test("signed: files that don't fit are named, with the line", async () => {
  const good = Signer.generate().key;
  await using people = new TextFile(
    `# people\n\nAda ${good}\nBob\nCy ${good}x\nDi Fa ${good} \n`,
  );
  const { path } = people;
  const cases: [flags: string[], said: RegExp][] = [
    [
      ["--people", path],
      /people "[^"]+" does not fit in line 4, 5: each line t/,
    ],
    [
      ["--sign-key", path],
      /takes what openssl genpkey .* writes\. Try --help\./,
    ],
    [
      ["--sign-key", "a.key"],
      /reading --sign-key "a\.key" was not permitted; run with -R=a\.key\. Type/,
    ],
  ];
  for (const [flags, said] of cases) {
    const permissions = ["-N", `-R=${path}`];
    assertOneLine(await run("listener.ts", flags, { permissions }), 2, said);
  }
});

test("a listener with a name signs, with -N only", async ({ broker, peer }) => {
  for (const name of [[], ["--name", "Ada"]]) {
    await using listener = await listening(at(broker, ...name));
    const payload = await nextPayload(peer);
    assertEquals(isSigned(TOPIC, payload), name.length > 0);
    listener.signal("SIGKILL");
    const will = await nextPayload(peer);
    assertEquals([will.id, will.key], [`${payload.id}w`, payload.key]);
    assertEquals(isSigned(TOPIC, will), name.length > 0);
  }
});
