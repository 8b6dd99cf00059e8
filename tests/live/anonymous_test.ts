/** Connections without a user, on a Mosquitto that allows them. */

import { assertEquals, assertMatch } from "@std/assert";
import { gate, NO_MOSQUITTO } from "../support/gates.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import {
  assertOneLine,
  assertQuietSuccess,
  run,
} from "../support/processes.ts";
import { start } from "../support/processes.ts";

const live = gate(NO_MOSQUITTO);

/** A room that every client may use, and one for a user. */
const ACL = ["topic readwrite chat/#", "user Test", "topic readwrite test/#"];

live(
  "anonymous: beside users, and the default user is none of them",
  async () => {
    await using broker = await Mosquitto.start({
      anonymousBeside: ["Test"],
      acl: ACL,
    });
    const { host } = broker;
    const url = `mqtt://${host}/chat/room`;
    for (const version of ["5", "311"]) {
      const send = (...args: string[]) =>
        run("publisher.ts", [...args, "-V", version, "-m", "hi"]);
      assertOneLine(
        await send(url),
        3,
        /user "chat": not authorized\. Give .* with -u, .*: --anonymous\.$/m,
      );
      assertOneLine(await send(url, "-u", "chat"), 3, /Check --username and/);
      const test = `mqtt://Test:test@${host}/test/room`;
      assertQuietSuccess(await send(test));
      for (const none of [["--anonymous"], ["-u", ""]]) {
        await using listener = start("listener.ts", [
          ...[url, ...none, "-V", version, "--count", "2"],
        ]);
        await listener.stderr.line(/^Reading /);
        assertQuietSuccess(await send(url, ...none));
        assertQuietSuccess(await send(url, ...none, "-n", "Ada"));
        const { code, stdout } = await listener.outcome();
        assertEquals(code, 0);
        assertMatch(stdout, / chat: hi\n\S+ Ada: hi\n$/);
      }
      // Without a user, the rights are those of every client.
      const denied = await send(test, "--anonymous");
      if (version === "5") assertOneLine(denied, 3, /not authorized/);
    }
  },
);

live("anonymous: without users, the default user may come, too", async () => {
  await using broker = await Mosquitto.start({ anonymousBeside: [] });
  const url = `mqtt://${broker.host}/chat/room`;
  for (const version of ["5", "311"]) {
    for (
      const user of [[], ["--anonymous"], ["-u", ""], ["-u", "ann", "-P=x"]]
    ) {
      assertQuietSuccess(
        await run("publisher.ts", [url, ...user, "-V", version, "-m", "hi"]),
      );
    }
  }
});
