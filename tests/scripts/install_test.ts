import { assertEquals, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { at, openBroker } from "../support/brokers.ts";
import { page, wordsOf } from "../support/markdown.ts";
import { Process } from "../support/processes.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DENO = Deno.execPath();

/** Runs Deno to its end, which has to be a good one. */
async function deno(cwd: string, args: string[]): Promise<void> {
  const output = await new Deno.Command(DENO, { args, cwd }).output();
  const { code, stderr } = output;
  assertEquals(code, 0, new TextDecoder().decode(stderr));
}

Deno.test("install: the page's deno install makes a command", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const [, ...bundle] = config.tasks.bundle.command.split(" ");
    const args = bundle.map((arg) => arg === "dist" ? `${folder}/dist` : arg);
    await deno(ROOT, args);
    const block = page("docs/install.md").blocks("sh")
      .find((block) => block.startsWith("deno task bundle\ndeno install"))!;
    const [[, install, ...rest]] = wordsOf(block.split("\n")[1]);
    await deno(folder, [install, "--root", folder, ...rest]);
    await using broker = await openBroker();
    const path = `'${folder}/bin:${dirname(DENO)}':"$PATH"`;
    const child = new Deno.Command("sh", {
      args: ["-c", `PATH=${path} exec mqtt-chat "$@"`, "sh", ...at(broker)],
      cwd: folder,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await using chat = new Process(child, "mqtt-chat");
    // The chat is the publisher with --follow, which is for a terminal.
    const { code, stderr } = await chat.outcome();
    assertEquals(code, 2);
    assertMatch(stderr, /^publisher: --follow needs a terminal/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** One set of them: Deno keeps compiled code for the last set alone. */
const V8_FLAGS =
  "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=100,--no-lazy";

Deno.test("scripts, tasks and npm's commands give V8 the same flags", async () => {
  const flagsIn = (text: string) => text.match(/--v8-flags=[^\s"]*/g);
  for (const script of ["listener.ts", "publisher.ts"]) {
    const [first] = (await Deno.readTextFile(ROOT + script)).split("\n");
    assertMatch(first, /^#!\/usr\/bin\/env -S deno run /);
    assertEquals(flagsIn(first), [V8_FLAGS]);
  }
  for (const task of ["chat", "listen", "publish"] as const) {
    assertEquals(flagsIn(config.tasks[task].command), [V8_FLAGS]);
  }
  const launcher = await Deno.readTextFile(`${ROOT}npm/launch.ts`);
  assertEquals(flagsIn(launcher), [V8_FLAGS]);
});
