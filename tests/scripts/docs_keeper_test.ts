/**
 * The unit that docs/rooms.md tells operators to install: systemd can't be had
 * everywhere, so its keys are checked as text as well.
 */

import { assert, assertEquals } from "@std/assert";
import { parseListenerArgs } from "../../lib/cli/options.ts";
import { gate, isInstalled } from "../support/gates.ts";
import { page, wordsOf } from "../support/markdown.ts";

const NAME = "mqtt-chat-keeper.service";
const UNIT = Deno.readTextFileSync(
  new URL(`../../docs/${NAME}`, import.meta.url),
);

/** The keys of a unit, and their values, by section. */
function sections(unit: string): Record<string, Record<string, string>> {
  const found: Record<string, Record<string, string>> = {};
  let section: Record<string, string> | undefined;
  for (const line of unit.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [, heading] = /^\[(\w+)\]$/.exec(line) ?? [];
    if (heading !== undefined) section = found[heading] = {};
    else {
      const [, key, value] = /^(\w+)=(.+)$/.exec(line) ?? [];
      assert(section && key && !(key in section), line);
      section[key] = value;
    }
  }
  return found;
}

Deno.test("docs: the keeper's unit has the keys that it needs", () => {
  const { Unit, Service, Install } = sections(UNIT);
  assertEquals(Object.keys(Unit), [
    "Description",
    "Wants",
    "After",
    "StartLimitIntervalSec",
  ]);
  const { ExecStart, LoadCredential, ...rest } = Service;
  assertEquals(rest, {
    WorkingDirectory: "/opt/mqtt-chat",
    StandardOutput: "null",
    Restart: "on-failure",
    RestartSec: "5",
    RestartPreventExitStatus: "2 3",
    CacheDirectory: "mqtt-chat-keeper",
    DynamicUser: "yes",
    Environment: "DENO_DIR=/var/cache/mqtt-chat-keeper",
  });
  assertEquals(Install, { WantedBy: "multi-user.target" });
  const commands = page("docs/rooms.md").blocks("sh").join("");
  const [name, file] = LoadCredential.split(":");
  for (const part of [file, `docs/${NAME}`, Service.WorkingDirectory]) {
    assert(commands.includes(part), part);
  }

  const [words] = wordsOf(ExecStart.replace("chat/#", "'chat/#'"));
  const script = words.indexOf("listener.js");
  const password = `\${CREDENTIALS_DIRECTORY}/${name}`;
  assertEquals(words.slice(0, script), [
    "/usr/bin/env",
    "deno",
    "run",
    "--no-prompt",
    "-N=localhost:1883",
    `-R=${password}`,
  ]);
  const request = parseListenerArgs(words.slice(script + 1));
  assert(request.action === "run");
  const { keep, topics, username, passwordFile, resume } = request.options;
  assertEquals(
    { keep, topics, username, passwordFile, resume },
    {
      keep: 100,
      topics: ["chat/#"],
      username: "keeper",
      passwordFile: password,
      resume: true,
    },
  );
});

const withSystemd = gate(
  isInstalled("systemd-analyze", "--version")
    ? undefined
    : "systemd-analyze is not installed",
);

withSystemd("docs: systemd finds no fault with the keeper's unit", async () => {
  const complaints = async (unit: string) => {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/${NAME}`;
      await Deno.writeTextFile(path, unit);
      const { code, stdout, stderr } = await new Deno.Command(
        "systemd-analyze",
        { args: ["verify", path] },
      ).output();
      const decoder = new TextDecoder();
      const text = decoder.decode(stdout) + decoder.decode(stderr);
      // It reads the units of the machine too, and may complain of them.
      const lines = text.split("\n").filter((line) => line.includes(NAME));
      return { code, lines };
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
  assertEquals(await complaints(UNIT), { code: 0, lines: [] });
  const faulty = UNIT.replace("RestartSec=", "RestartSeconds=");
  assertEquals((await complaints(faulty)).lines.length, 1);
});
