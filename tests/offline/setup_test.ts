/**
 * `deno task setup`, as a process in a copy of the files it needs, against an
 * address that answers as JSR does, answers otherwise, or refuses.
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { freePort } from "../support/ports.ts";
import { ROOT } from "../support/processes.ts";

const PACKAGES = ["assert", "cli", "fmt"];
const JSR_ANSWER = '{"versions":{"1.0.19":{}}}';

/** A copy of the project as far as set-up goes; disposing removes it. */
class Copy implements AsyncDisposable {
  readonly #path = Deno.makeTempDirSync();

  static async make(): Promise<Copy> {
    const copy = new Copy();
    await new Deno.Command("cp", {
      args: ["-r", "offline", "deno.json", "deno.lock", copy.path("")],
      cwd: ROOT,
    }).output();
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

  /** Whether what is in `vendor/` for a package is a stand-in. */
  async isStandIn(name: string): Promise<boolean> {
    const meta = await Deno.readTextFile(this.std(`${name}/meta.json`));
    return "standIn" in JSON.parse(meta);
  }

  /** Runs set-up with the permissions of the task. */
  async setup(jsr = refusing()): Promise<{ code: number; stderr: string }> {
    return await this.deno([
      ...["run", "--quiet", "--no-prompt", "--allow-net=jsr.io,127.0.0.1"],
      ...["--allow-env=JSR_URL", "--allow-read=deno.lock,offline,vendor"],
      ...["--allow-write=vendor", "offline/setup.ts", `--jsr=${jsr}`],
    ]);
  }

  async deno(args: string[]) {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: this.#path,
    }).output();
    const [out, err] = [stdout, stderr]
      .map((bytes) => new TextDecoder().decode(bytes));
    return { code, stdout: out, stderr: err };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#path, { recursive: true });
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
  const meta = { versions: { "1.0.28": {} } };
  const exports = { "./unicode-width": "./unicode_width.ts" };
  const files = {
    "meta.json": JSON.stringify(meta),
    "1.0.28_meta.json": JSON.stringify({ exports }),
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
  assertEquals(first.code, 0);
  assertMatch(
    first.stderr,
    /^JSR can't be reached \(.+\): .* @std\/assert, @std\/cli, @std\/fmt\. .*\n$/,
  );
  assertStringIncludes(first.stderr, "delete vendor/");
  for (const name of PACKAGES) assert(await copy.isStandIn(name), name);

  await using jsr = registry(JSR_ANSWER);
  const second = await copy.setup(jsr.url);
  assertEquals([second.code, second.stderr], [0, ""]);
  assertEquals(jsr.asked.requests, 0);

  await copy.write(
    copy.path("script.ts"),
    `import { assertEquals } from "@std/assert";
     import { unicodeWidth } from "@std/cli/unicode-width";
     import { bold } from "@std/fmt/colors";
     assertEquals(unicodeWidth("ab"), 2, bold("width"));`,
  );
  const script = await copy.deno([
    ...["run", "--quiet", "--no-prompt", "--frozen", "script.ts"],
  ]);
  assertEquals([script.code, script.stderr], [0, ""]);
  assertEquals(await Deno.readTextFile(copy.path("deno.lock")), lock);
});

Deno.test("set-up removes stand-ins where JSR answers, and nothing else", async () => {
  await using copy = await Copy.make();
  await copy.setup();
  await Deno.remove(copy.std("fmt"), { recursive: true });
  await Deno.remove(copy.std("cli"), { recursive: true });
  await fetched(copy);
  await using jsr = registry(JSR_ANSWER);
  const { code, stderr } = await copy.setup(jsr.url);
  assertEquals([code, stderr, jsr.asked.requests], [0, "", 1]);
  const left = await Array.fromAsync(Deno.readDir(copy.std("")));
  assertEquals(left.map(({ name }) => name), ["cli"]);
});

Deno.test("set-up takes only JSR's answer for JSR", async () => {
  const answers: [string, ResponseInit][] = [
    ["<html>Log in</html>", {}],
    ["null", {}],
    ["{}", {}],
    [JSR_ANSWER, { status: 403 }],
    ["", { status: 302, headers: { location: "/" } }],
  ];
  for (const [body, init] of answers) {
    await using copy = await Copy.make();
    await using jsr = registry(body, init);
    const { code, stderr } = await copy.setup(jsr.url);
    assertEquals([code, jsr.asked.requests], [0, 1], body);
    assertStringIncludes(stderr, "stand-ins");
    assert(await copy.isStandIn("cli"));
  }
});

Deno.test("set-up keeps a whole package and replaces a partial one", async () => {
  await using copy = await Copy.make();
  await fetched(copy);
  await copy.write(copy.std("fmt/meta.json"), '{"scope":');
  await copy.setup();
  assertFalse(await copy.isStandIn("cli"));
  assert(await copy.isStandIn("assert"));
  assert(await copy.isStandIn("fmt"));

  await Deno.remove(copy.std("cli/1.0.28/unicode_width.ts"));
  const { stderr } = await copy.setup();
  assertStringIncludes(stderr, "for @std/cli.");
  assert(await copy.isStandIn("cli"));
});

Deno.test("set-up renews stand-ins when theirs or the lock's change", async () => {
  await using copy = await Copy.make();
  await copy.setup();
  const colors = copy.path("offline/fmt/colors.ts");
  await Deno.writeTextFile(colors, "// changed\n", { append: true });
  await copy.setup();
  const vendored = await Deno.readTextFile(copy.std("fmt/1.0.9/colors.ts"));
  assertStringIncludes(vendored, "// changed");

  const lock = await Deno.readTextFile(copy.path("deno.lock"));
  await copy.write(
    copy.path("deno.lock"),
    lock.replace(/("jsr:@std\/fmt@.*": )".*"/, '$1"1.99.0"'),
  );
  await copy.setup();
  await Deno.readTextFile(copy.std("fmt/1.99.0/colors.ts"));
});

Deno.test("several set-ups at once don't disturb each other", async () => {
  await using copy = await Copy.make();
  await copy.write(copy.std("fmt/1.0.9/colors.ts"), "export {};");
  const url = refusing();
  const runs = Array.from({ length: 4 }, () => copy.setup(url));
  for (const { code, stderr } of await Promise.all(runs)) {
    assertEquals(code, 0, stderr);
  }
  for (const name of PACKAGES) assert(await copy.isStandIn(name), name);
  const left = await Array.fromAsync(Deno.readDir(copy.path("vendor")));
  assertEquals(left.map(({ name }) => name), ["jsr.io"]);
});

Deno.test("the task runs set-up unless a module of each package is there", async () => {
  const lock = await Deno.readTextFile(new URL("deno.lock", ROOT));
  const { command } = config.tasks.setup;
  const checked = [...command.matchAll(/\b(\w+)\/([\d.]+)\/(\w+\.ts)/g)];
  assertEquals(checked.length, 2, command);
  for (const [path, name, version, file] of checked) {
    const { specifiers } = JSON.parse(lock);
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
  const answer = async () =>
    (await copy.deno(["task", "--config", copy.path("check.json"), "check"]))
      .stdout.trim();
  await copy.setup();
  assertEquals(await answer(), "missing");
  await copy.write(copy.path("vendor/cached"), "");
  assertEquals(await answer(), "there");
  await Deno.remove(copy.std("fmt/1.0.9/colors.ts"));
  assertEquals(await answer(), "missing");
});
