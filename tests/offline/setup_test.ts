/**
 * `deno task setup`, as a process in a copy of the files it needs, against an
 * address that answers as JSR does, answers otherwise, or refuses.
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { Folder } from "../support/keys.ts";
import { assertQuietSuccess, freePort, spawn } from "../support/processes.ts";

const PACKAGES = ["assert", "cli", "fmt"];
const STD = "vendor/jsr.io/@std";
const COLORS = `${STD}/fmt/1.0.9/colors.ts`;
const JSR_ANSWER = '{"versions":{"1.0.19":{}}}';

/** A copy of the project as far as set-up goes; disposing removes it. */
class Copy extends Folder {
  static async make(): Promise<Copy> {
    const copy = new Copy();
    const files = ["offline", "deno.json", "deno.lock"];
    await using cp = spawn("cp", ["-r", ...files, copy.path]);
    assertQuietSuccess(await cp.finish());
    return copy;
  }

  async read(name: string): Promise<string> {
    return await Deno.readTextFile(`${this.path}/${name}`);
  }

  async list(folder: string): Promise<string[]> {
    const entries = Deno.readDir(`${this.path}/${folder}`);
    return (await Array.fromAsync(entries, ({ name }) => name)).sort();
  }

  override write(name: string, text: string): void {
    const folder = `${this.path}/${name}`.replace(/[^/]*$/, "");
    Deno.mkdirSync(folder, { recursive: true });
    super.write(name, text);
  }

  /** Puts a package as Deno would have fetched it. */
  fetchCli(): void {
    const exports = { "./unicode-width": "./unicode_width.ts" };
    const meta = JSON.stringify({ exports });
    this.write(`${STD}/cli/meta.json`, '{"versions":{"1.0.28":{}}}');
    this.write(`${STD}/cli/1.0.28_meta.json`, meta);
    this.write(`${STD}/cli/1.0.28/unicode_width.ts`, "export {};");
  }

  async remove(name: string): Promise<void> {
    await Deno.remove(`${this.path}/${name}`, { recursive: true });
  }

  /** Fails unless stand-ins, and they alone, are there for these packages. */
  async assertStandIns(...names: string[]): Promise<void> {
    const found: string[] = [];
    for (const name of await this.list(STD)) {
      const meta = await this.read(`${STD}/${name}/meta.json`);
      if ("standIn" in JSON.parse(meta)) found.push(name);
    }
    assertEquals(found, names);
  }

  /** Runs set-up with the permissions of the task; returns what it says. */
  async setup(jsr = refusing()): Promise<string> {
    const { code, stderr } = await this.deno(
      ...["run", "--quiet", "--no-prompt", "--allow-net=jsr.io,127.0.0.1"],
      ...["--allow-env=JSR_URL", "--allow-read=deno.lock,offline,vendor"],
      ...["--allow-write=vendor", "offline/setup.ts", `--jsr=${jsr}`],
    );
    assertEquals(code, 0, stderr);
    return stderr;
  }

  async deno(...args: string[]) {
    await using deno = spawn(Deno.execPath(), args, { cwd: this.path });
    return await deno.finish();
  }
}

/** An address at which a registry gives one answer, and how often it did. */
function registry(body: string, init?: ResponseInit) {
  const asked = { requests: 0 };
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const server = Deno.serve(options, () => {
    asked.requests++;
    return new Response(body, init);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const refusing = () => `http://127.0.0.1:${freePort()}/`;

Deno.test("set-up copies stand-ins once where JSR refuses", async () => {
  await using copy = await Copy.make();
  const lock = await copy.read("deno.lock");
  const said = await copy.setup();
  assertMatch(
    said,
    /^JSR can't be reached \(.+\): .* @std\/assert, @std\/cli, @std\/fmt\. .*\n$/,
  );
  assertStringIncludes(said, "delete vendor/");
  await copy.assertStandIns(...PACKAGES);

  await using jsr = registry(JSR_ANSWER);
  assertEquals([await copy.setup(jsr.url), jsr.asked.requests], ["", 0]);

  copy.write(
    "script.ts",
    `import { assertEquals } from "@std/assert";
     import { unicodeWidth } from "@std/cli/unicode-width";
     import { bold } from "@std/fmt/colors";
     assertEquals(unicodeWidth("ab"), 2, bold("width"));`,
  );
  const run = ["run", "--quiet", "--no-prompt", "--frozen", "script.ts"];
  assertQuietSuccess(await copy.deno(...run));
  assertEquals(await copy.read("deno.lock"), lock);

  // Where JSR answers, they go, and nothing else.
  await copy.remove(`${STD}/fmt`);
  await copy.remove(`${STD}/cli`);
  copy.fetchCli();
  assertEquals([await copy.setup(jsr.url), jsr.asked.requests], ["", 1]);
  assertEquals(await copy.list(STD), ["cli"]);
});

Deno.test("set-up takes only JSR's answer for JSR", async () => {
  await using copy = await Copy.make();
  const answers: [string, ResponseInit][] = [
    ["<html>Log in</html>", {}],
    ["null", {}],
    ["{}", {}],
    [JSR_ANSWER, { status: 403 }],
    ["", { status: 302, headers: { location: "/" } }],
  ];
  for (const [body, init] of answers) {
    await using jsr = registry(body, init);
    assertStringIncludes(await copy.setup(jsr.url), "stand-ins");
    assertEquals(jsr.asked.requests, 1, body);
    await copy.assertStandIns(...PACKAGES);
    await copy.remove("vendor");
  }
});

Deno.test("set-up keeps a whole package and renews what is partial or old", async () => {
  await using copy = await Copy.make();
  copy.fetchCli();
  copy.write(`${STD}/fmt/meta.json`, '{"scope":');
  await copy.setup();
  await copy.assertStandIns("assert", "fmt");

  await copy.remove(`${STD}/cli/1.0.28/unicode_width.ts`);
  assertStringIncludes(await copy.setup(), "for @std/cli.");
  await copy.assertStandIns(...PACKAGES);

  copy.write("offline/fmt/colors.ts", "// changed");
  await copy.setup();
  assertEquals(await copy.read(COLORS), "// changed");

  const lock = await copy.read("deno.lock");
  const newer = lock.replace(/("jsr:@std\/fmt@.*": )".*"/, '$1"1.99.0"');
  copy.write("deno.lock", newer);
  await copy.setup();
  await copy.read(`${STD}/fmt/1.99.0/colors.ts`);
});

Deno.test("several set-ups at once don't disturb each other", async () => {
  await using copy = await Copy.make();
  copy.write(COLORS, "export {};");
  const url = refusing();
  await Promise.all([1, 2, 3, 4].map(() => copy.setup(url)));
  await copy.assertStandIns(...PACKAGES);
  assertEquals(await copy.list("vendor"), ["jsr.io"]);
});

Deno.test("the task runs set-up unless what the scripts import is there", async () => {
  await using copy = await Copy.make();
  const [check] = config.tasks.setup.command.split(" || ");
  const tasks = { check: `${check} && echo there || echo missing` };
  copy.write("check.json", JSON.stringify({ tasks, lock: false }));
  const task = ["task", "--config", "check.json", "check"];
  const answer = async () => (await copy.deno(...task)).stdout.trim();
  await copy.setup();
  assertEquals(await answer(), "missing");
  copy.write("vendor/cached", "");
  assertEquals(await answer(), "there");
  for (const module of [COLORS, `${STD}/cli/1.0.28/unicode_width.ts`]) {
    await copy.remove(module);
    assertEquals(await answer(), "missing", module);
    await copy.setup();
  }
});
