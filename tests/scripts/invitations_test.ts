/** Rooms as URLs, and the tasks that are scoped to this machine. */

import { assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { hostOf, openBroker } from "../support/brokers.ts";
import { freePort } from "../support/ports.ts";
import { Peer } from "../support/peers.ts";
import {
  assertOneLine,
  assertQuietSuccess,
  type Outcome,
  ROOT,
  run,
  start,
} from "../support/processes.ts";

Deno.test("url: both scripts meet in the room that it names", async () => {
  await using broker = await openBroker();
  const url = `mqtt://chat:chat@${hostOf(broker)}/chat/b%C3%BCro%201`;
  const permissions = [`-N=${hostOf(broker)}`];
  await using listener = start("listener.ts", [url, "-C", "1"], {
    permissions,
  });
  await listener.stderr.line(/^Reading chat\/büro 1 at/);
  // The second of two brokers is used where the first one is not there.
  const gone = hostOf({ port: freePort() });
  const two = [url.replace(hostOf(broker), gone), "-L", url];
  for (const args of [two, [url, "-t", "chat/other"]]) {
    const sent = await run("publisher.ts", [...args, "-m", "hi"], {
      permissions: [`-N=${gone},${hostOf(broker)}`],
    });
    assertQuietSuccess(sent);
  }
  const { code, stdout } = await listener.outcome();
  assertEquals([code, stdout.split("\n")[1].slice(9)], [0, "chat: hi"]);
});

/** Runs a task with an empty input. */
async function task(...args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("tasks: every port of this machine is permitted", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/room");
  for (const name of ["chat", "listen", "publish"] as const) {
    const { command } = config.tasks[name];
    assertMatch(command, / --no-prompt -N=localhost,127\.0\.0\.1 -E=TERM /);
  }
  const { port } = broker;
  for (
    const args of [
      ["-h", `localhost:${port}`, "-t", "chat/room"],
      ["-h", "127.0.0.1", "-p", `${port}`, "-t", "chat/room"],
      [`mqtt://127.0.0.1:${port}/chat/room`],
    ]
  ) {
    assertQuietSuccess(await task("publish", ...args, "-m", "hi"));
    assertEquals(JSON.parse((await peer.next()).text).message, "hi");
  }
});

Deno.test("tasks: for another host they name the whole command", async () => {
  const url = "mqtt://ann:hunter2@10.0.0.5:1884/chat/room";
  const wanted = "-N=10.0.0.5:1884";
  const cases: [task: string, flags: string[], rest: string][] = [
    [
      "publish",
      ["-m", "hi", "-n", "Ada B"],
      "publisher.ts URL --message hi --name 'Ada B'",
    ],
    ["listen", ["--json"], "listener.ts URL --json"],
    [
      "listen",
      ["--secret-file", "room.secret"],
      "-R=room.secret listener.ts URL --secret-file room.secret",
    ],
  ];
  for (const [name, flags, rest] of cases) {
    const command = `deno run ${wanted} ${rest}`
      .replace("URL", "mqtt://ann@10.0.0.5:1884/chat/room");
    assertOneLine(
      await task(name, url, ...flags),
      2,
      RegExp(`run with \\S+\\. Type: ${RegExp.escape(command)}$`, "m"),
    );
  }
});
