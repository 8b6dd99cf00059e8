/** The broker's side of docs/tls.md: its commands and lines, as they stand. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { gate, isInstalled, NO_MOSQUITTO } from "../support/gates.ts";
import { page, wordsOf } from "../support/markdown.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { becomesTrue } from "../support/patience.ts";
import { accepts, freePort } from "../support/ports.ts";
import { type Outcome, run, start } from "../support/processes.ts";

const [, SIDE] = page("docs/tls.md").text.split("## The broker's side\n");

/** The blocks of a language that contain a text. */
function blocks(language: string, text: string): string[] {
  return [...SIDE.matchAll(/^```(\w*)\n([^]*?)^```$/gm)]
    .filter(([, kind, code]) => kind === language && code.includes(text))
    .map(([, , code]) => code);
}

const LISTENER_LINES = blocks("", "listener 8883")[0];
const CLIENT_LINES = blocks("", "require_certificate")[0];
const ACL_LINES = blocks("", "topic readwrite")[0];

/** Runs a command of the page in a folder; returns what it writes. */
async function shell(
  folder: string,
  command: string,
  stdin = "",
): Promise<string> {
  const child = new Deno.Command("sh", {
    args: ["-ec", command],
    cwd: folder,
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, `${command}\n${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** A Mosquitto that was given what the page says, part by part. */
class Operator implements AsyncDisposable {
  readonly #tlsPort = freePort();

  /** The serial number of the certificate that the broker shows. */
  async serial(): Promise<string> {
    return await shell(
      this.broker.folder,
      `openssl s_client -connect 127.0.0.1:${this.#tlsPort} 2> log |
        openssl x509 -noout -serial`,
    );
  }

  private constructor(readonly broker: Mosquitto) {}

  static async begin(): Promise<Operator> {
    const operator = new Operator(await Mosquitto.start());
    const { folder } = operator.broker;
    for (const block of blocks("sh", "openssl")) await shell(folder, block);
    const isRoot = await shell(folder, "id -u") === "0\n";
    const [chown] = blocks("sh", "chown");
    if (isRoot) await shell(folder, chown.replace("sudo ", ""));
    return operator;
  }

  /** Adds lines to the configuration, and starts the broker anew. */
  async configure(lines: string): Promise<void> {
    const { broker } = this;
    const port = `listener ${this.#tlsPort}`;
    await Deno.writeTextFile(
      `${broker.folder}/mosquitto.conf`,
      lines.replace("listener 8883", `${port} 127.0.0.1`),
      { append: true },
    );
    await broker.down();
    await broker.up();
    await accepts(this.#tlsPort);
  }

  /** A command of the page, as {@link run} takes it. */
  command(script: string, more: string[] = []): Parameters<typeof run> {
    const [line] = blocks("sh", script);
    const words = wordsOf(line.trim())[0].map((word) =>
      word.replaceAll("tls/", `${this.broker.folder}/tls/`)
        .replace("mqtts://localhost", `mqtts://localhost:${this.#tlsPort}`)
    );
    const at = words.indexOf(script);
    assertEquals(words.slice(0, 2), ["deno", "run"]);
    const args = [...words.slice(at + 1), ...more];
    return [script, args, { permissions: words.slice(2, at) }];
  }

  async run(script: string, more?: string[]): Promise<Outcome> {
    return await run(...this.command(script, more));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker[Symbol.asyncDispose]();
  }
}

const live = gate(
  NO_MOSQUITTO ??
    (isInstalled("openssl", "version") ? undefined : "openssl is missing"),
);

live("the page's certificates and lines make a room over TLS", async () => {
  await using operator = await Operator.begin();
  await operator.configure(LISTENER_LINES);
  await using listener = start(...operator.command("listener.ts"));
  await listener.stdout.line(/now subscribed/);
  assertEquals((await operator.run("publisher.ts")).code, 0);
  await listener.stdout.line(/ chat: Hello$/);
});

live("the page's lines for clients ask each for a certificate", async () => {
  await using operator = await Operator.begin();
  await operator.configure(LISTENER_LINES + CLIENT_LINES);
  assertEquals((await operator.run("publisher.ts")).code, 0);
  const { code, stderr } = await operator.run("listener.ts", ["-C", "1"]);
  assertEquals(code, 4);
  assertMatch(stderr, /it wants a certificate of yours; give --cert and --key/);
});

live(
  "SIGHUP brings the page's new user and a new certificate, and no cut",
  async () => {
    await using operator = await Operator.begin();
    await operator.configure(LISTENER_LINES);
    const { broker } = operator;
    await using listener = start(...operator.command("listener.ts"));
    await listener.stdout.line(/now subscribed/);
    const asAda = ["-u", "ada", "-P", "ada's own"];
    assertEquals((await operator.run("publisher.ts", asAda)).code, 3);
    const serial = await operator.serial();
    await shell(broker.folder, blocks("sh", "server.csr")[0]);
    const [passwd] = blocks("sh", "mosquitto_passwd");
    await shell(broker.folder, passwd, "ada's own\nada's own\n");
    const acl = `${broker.folder}/mosquitto/acl`;
    await Deno.writeTextFile(acl, `\n${ACL_LINES}`, { append: true });
    const [kill] = blocks("sh", "kill");
    assertEquals(kill, 'kill -HUP "$(pgrep -x mosquitto)"\n');
    broker.signal("SIGHUP");
    assert(
      await becomesTrue(async () =>
        (await operator.run("publisher.ts", asAda)).code === 0
      ),
    );
    assert(await operator.serial() !== serial);
    await listener.stdout.line(/ ada: Hello$/);
    listener.signal("SIGINT");
    const { stdout, stderr } = await listener.outcome();
    assertEquals(stdout.includes("=="), false, stdout + stderr);
  },
);
