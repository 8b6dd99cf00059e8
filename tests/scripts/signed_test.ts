/** Who signs, and the files of `--sign-key` and `--people`. */

import { assert, assertEquals } from "@std/assert";
import { Signer } from "../../lib/client.ts";
import { isSigned } from "../../lib/sign.ts";
import { at, openBroker, TOPIC } from "../support/brokers.ts";
import { KEY, PEM, TextFile } from "../support/keys.ts";
import { Peer } from "../support/peers.ts";
import {
  assertOneLine,
  assertQuietSuccess,
  run,
  start,
} from "../support/processes.ts";

Deno.test("signed: a message and a pipe are signed with --sign-key only", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  await using file = new TextFile(PEM);
  const permissions = ["-N", `-R=${file.path}`];
  const key = ["--sign-key", file.path];
  const named = at(broker, "--name", "Ada");
  for (const args of [["-m", "hi"], []]) {
    const unsigned = { stdin: "hi\n" };
    assertQuietSuccess(
      await run("publisher.ts", [...named, ...args], unsigned),
    );
    assertEquals(JSON.parse((await peer.next()).text).sig, undefined);
    const signed = { ...unsigned, permissions };
    assertQuietSuccess(
      await run("publisher.ts", [...named, ...key, ...args], signed),
    );
    const payload = JSON.parse((await peer.next()).text);
    assertEquals(payload.key, KEY);
    assert(isSigned(TOPIC, payload));
  }
});

Deno.test("signed: files that don't fit are named, with the line", async () => {
  const good = Signer.generate().key;
  await using people = new TextFile(
    `# people\n\nAda ${good}\nBob\nCy ${good}x\nDi Fa ${good} \n`,
  );
  const read = async (flag: string, path: string, ...rest: string[]) =>
    await run("listener.ts", [flag, path, ...rest], {
      permissions: ["-N", `-R=${path}`],
    });
  assertOneLine(
    await read("--people", people.path),
    2,
    /people "[^"]+" does not fit in line 4, 5: each line takes a name and /,
  );
  assertOneLine(
    await read("--sign-key", people.path),
    2,
    /takes what openssl genpkey -algorithm ed25519 writes\. Try --help\.$/m,
  );
  assertOneLine(
    await run("listener.ts", ["--sign-key", "ada.key"]),
    2,
    /reading --sign-key "ada\.key" was not permitted; run with -R=ada\.key\. Type: /,
  );
});

Deno.test("signed: a listener with a name signs its notices, with -N alone", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  for (const name of [[], ["--name", "Ada"]]) {
    await using listener = start("listener.ts", at(broker, ...name));
    const payload = JSON.parse((await peer.next()).text);
    assertEquals(isSigned(TOPIC, payload), name.length > 0);
    await listener.stdout.line(/now subscribed/);
    listener.signal("SIGKILL");
    const will = JSON.parse((await peer.next()).text);
    assertEquals(will.id, `${payload.id}w`);
    assertEquals([isSigned(TOPIC, will), will.key], [
      name.length > 0,
      payload.key,
    ]);
  }
});
