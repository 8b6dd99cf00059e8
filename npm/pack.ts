/**
 * Makes the folder of the npm package, dist/npm/package: the bundles, and
 * commands that start them in Deno. `deno task pack` makes the tarball of it.
 */

import config from "../deno.json" with { type: "json" };

const ROOT = new URL("..", import.meta.url);
const FOLDER = new URL("dist/npm/package/", ROOT);

/** The commands, and the script and first arguments of each. */
const COMMANDS = [
  { name: "mqtt-listener", script: "listener", first: [] },
  { name: "mqtt-publisher", script: "publisher", first: [] },
  { name: "mqtt-chat", script: "publisher", first: ["--follow"] },
];

await Deno.remove(FOLDER, { recursive: true }).catch(() => {});
const [, , ...words] = config.tasks.bundle.command.split(" ");
await bundle(
  words.map((word) => word === "dist" ? "dist/npm/package/lib" : word),
);
await bundle([
  // Node takes longer to load ECMAScript's modules.
  ...["--platform", "deno", "--minify", "--format", "cjs"],
  ...["--output", "dist/npm/package/lib/launch.cjs", "npm/launch.ts"],
]);
await Deno.mkdir(new URL("bin", FOLDER));
for (const { name, script, first } of COMMANDS) {
  await write(
    `bin/${name}.cjs`,
    "#!/usr/bin/env node\n" +
      'const { launch } = require("../lib/launch.cjs");\n' +
      `launch("${name}", "${script}", __dirname);\n`,
  );
  const args = [...first.map((flag) => `"${flag}"`), "...Deno.args"].join(", ");
  await write(
    `lib/${name}.js`,
    `import { main } from "./${script}.js";\n` +
      `Deno.exit(await main([${args}], "${name}"));\n`,
  );
}
const pages = [...Deno.readDirSync(new URL("docs", ROOT))]
  .filter(({ name }) => /\.(md|svg)$/.test(name))
  .map(({ name }) => `docs/${name}`);
await Deno.mkdir(new URL("docs", FOLDER));
for (const file of ["README.md", "CHANGELOG.md", "LICENSE", ...pages]) {
  await Deno.copyFile(new URL(file, ROOT), new URL(file, FOLDER));
}
const { version, license } = config;
await write(
  "package.json",
  JSON.stringify(
    {
      name: "mqtt-chat",
      version,
      description: "Chat rooms in the terminal, over any MQTT broker",
      keywords: ["mqtt", "chat", "terminal", "deno"],
      license,
      type: "module",
      bin: Object.fromEntries(
        COMMANDS.map(({ name }) => [name, `bin/${name}.cjs`]),
      ),
      files: ["bin", "lib", "docs", "CHANGELOG.md"],
      engines: { node: ">=18.3" },
      dependencies: { deno: "^2" },
    },
    null,
    2,
  ) + "\n",
);

async function bundle(args: string[]): Promise<void> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", ...args],
    cwd: ROOT,
  }).spawn().status;
  if (code !== 0) Deno.exit(code);
}

async function write(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(new URL(path, FOLDER), text);
}
