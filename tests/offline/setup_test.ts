/**
 * `deno task setup`, as a process in a copy of the files it needs, against an
 * address that answers as JSR does, answers otherwise, or refuses.
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { freePort, type Outcome, ROOT, spawn } from "../support/processes.ts";

const PACKAGES = ["assert", "cli", "fmt"];
const JSR_ANSWER = '{"versions":{"1.0.19":{}}}';

/** A copy of the project as far as set-up goes; disposing removes it. */
class Copy implements AsyncDisposable {
  readonly #path = Deno.makeTempDirSync();

  static async make(): Promise<Copy> {
    const copy = new Copy();
    const files = ["offline", "deno.json", "deno.lock"];
    await using cp = spawn("cp", ["-r", ...files, copy.#path]);
    assertEquals((await cp.finish()).code, 0);
    return copy;
  }

  path(name: string): string {
    return `${this.#path}/${name}`;
  }

  /** The path of a file of a package in `vendor/`. */
  std(name: string): string {
    return this.path(`vendor/jsr.io/@std/${name}`);
  }

  async write(path: string, text: string): Promise<void> {
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(path, text);
  }

  async remove(path: string): Promise<void> {
    await Deno.remove(path, { recursive: true });
  }

  /** Fails unless stand-ins, and they alone, are there for these packages. */
  async assertStandIns(...names: string[]): Promise<void> {
    const found: string[] = [];
    for await (const { name } of Deno.readDir(this.std(""))) {
      const meta = await Deno.readTextFile(this.std(`${name}/meta.json`));
      if ("standIn" in JSON.parse(meta)) found.push(name);
    }
    assertEquals(found.sort(), names);
  }

  /** Runs set-up with the permissions of the task. */
  async setup(jsr = refusing()): Promise<Outcome> {
    const outcome = await this.deno([
      ...["run", "--quiet", "--no-prompt", "--allow-net=jsr.io,127.0.0.1"],
      ...["--allow-env=JSR_URL", "--allow-read=deno.lock,offline,vendor"],
      ...["--allow-write=vendor", "offline/setup.ts", `--jsr=${jsr}`],
    ]);
    assertEquals(outcome.code, 0, outcome.stderr);
    return outcome;
  }

  async deno(args: string[]): Promise<Outcome> {
    await using deno = spawn(Deno.execPath(), args, { cwd: this.#path });
    return await deno.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove(this.#path);
  }
}

/** An address at which a registry gives one answer. */
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

/** Puts a package as Deno would have fetched it. */
async function fetched(copy: Copy): Promise<void> {
  const files = {
    "meta.json": '{"versions":{"1.0.28":{}}}',
    "1.0.28_meta.json": '{"exports":{"./unicode-width":"./unicode_width.ts"}}',
    "1.0.28/unicode_width.ts": "export {};",
  };
  for (const [path, text] of Object.entries(files)) {
    await copy.write(copy.std(`cli/${path}`), text);
  }
}

Deno.test("set-up copies stand-ins once where JSR refuses", async () => {
  await using copy = await Copy.make();
  const lock = await Deno.readTextFile(copy.path("deno.lock"));
  const first = await copy.setup();
  assertMatch(
    first.stderr,
    /^JSR can't be reached \(.+\): .* @std\/assert, @std\/cli, @std\/fmt\. .*\n$/,
  );
  assertStringIncludes(first.stderr, "delete vendor/");
  await copy.assertStandIns(...PACKAGES);

  await using jsr = registry(JSR_ANSWER);
  assertEquals((await copy.setup(jsr.url)).stderr, "");
  assertEquals(jsr.asked.requests, 0);

  await copy.write(
    copy.path("script.ts"),
    `import { assertEquals } from "@std/assert";
     import { unicodeWidth } from "@std/cli/unicode-width";
     import { bold } from "@std/fmt/colors";
     assertEquals(unicodeWidth("ab"), 2, bold("width"));`,
  );
  const run = ["run", "--quiet", "--no-prompt", "--frozen", "script.ts"];
  const script = await copy.deno(run);
  assertEquals(script, { code: 0, stdout: "", stderr: "" });
  assertEquals(await Deno.readTextFile(copy.path("deno.lock")), lock);

  // Where JSR answers, they go, and nothing else.
  await copy.remove(copy.std("fmt"));
  await copy.remove(copy.std("cli"));
  await fetched(copy);
  assertEquals((await copy.setup(jsr.url)).stderr, "");
  assertEquals(jsr.asked.requests, 1);
  const left = await Array.fromAsync(Deno.readDir(copy.std("")));
  assertEquals(left.map(({ name }) => name), ["cli"]);
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
    assertStringIncludes((await copy.setup(jsr.url)).stderr, "stand-ins");
    assertEquals(jsr.asked.requests, 1, body);
    await copy.assertStandIns(...PACKAGES);
    await copy.remove(copy.path("vendor"));
  }
});

Deno.test("set-up keeps a whole package and renews what is partial or old", async () => {
  await using copy = await Copy.make();
  await fetched(copy);
  await copy.write(copy.std("fmt/meta.json"), '{"scope":');
  await copy.setup();
  await copy.assertStandIns("assert", "fmt");

  await copy.remove(copy.std("cli/1.0.28/unicode_width.ts"));
  assertStringIncludes((await copy.setup()).stderr, "for @std/cli.");
  await copy.assertStandIns(...PACKAGES);

  const colors = copy.path("offline/fmt/colors.ts");
  await Deno.writeTextFile(colors, "// changed\n", { append: true });
  await copy.setup();
  const vendored = await Deno.readTextFile(copy.std("fmt/1.0.9/colors.ts"));
  assertStringIncludes(vendored, "// changed");

  const lock = await Deno.readTextFile(copy.path("deno.lock"));
  const newer = lock.replace(/("jsr:@std\/fmt@.*": )".*"/, '$1"1.99.0"');
  await copy.write(copy.path("deno.lock"), newer);
  await copy.setup();
  await Deno.readTextFile(copy.std("fmt/1.99.0/colors.ts"));
});

Deno.test("several set-ups at once don't disturb each other", async () => {
  await using copy = await Copy.make();
  await copy.write(copy.std("fmt/1.0.9/colors.ts"), "export {};");
  const url = refusing();
  await Promise.all([1, 2, 3, 4].map(() => copy.setup(url)));
  await copy.assertStandIns(...PACKAGES);
  const left = await Array.fromAsync(Deno.readDir(copy.path("vendor")));
  assertEquals(left.map(({ name }) => name), ["jsr.io"]);
});

Deno.test("the task runs set-up unless a module of each package is there", async () => {
  const { specifiers } = JSON.parse(
    await Deno.readTextFile(new URL("deno.lock", ROOT)),
  );
  const { command } = config.tasks.setup;
  const checked = [...command.matchAll(/\b(\w+)\/([\d.]+)\/(\w+\.ts)/g)];
  assertEquals(checked.length, 2, command);
  for (const [path, name, version, file] of checked) {
    const locked = Object.keys(specifiers)
      .find((specifier) => specifier.startsWith(`jsr:@std/${name}@`))!;
    assertEquals(version, specifiers[locked], path);
    await Deno.stat(new URL(`offline/${name}/${file}`, ROOT));
  }
  const [check] = command.split(" || ");
  await using copy = await Copy.make();
  const tasks = { check: `${check} && echo there || echo missing` };
  const checking = JSON.stringify({ tasks, lock: false });
  await copy.write(copy.path("check.json"), checking);
  const task = ["task", "--config", copy.path("check.json"), "check"];
  const answer = async () => (await copy.deno(task)).stdout.trim();
  await copy.setup();
  assertEquals(await answer(), "missing");
  await copy.write(copy.path("vendor/cached"), "");
  assertEquals(await answer(), "there");
  await copy.remove(copy.std("fmt/1.0.9/colors.ts"));
  assertEquals(await answer(), "missing");
});
