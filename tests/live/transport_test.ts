/**
 * The transports against a real Mosquitto: mqtts, ws and wss, client
 * certificates, a line of its own for each certificate that can't be trusted,
 * and the broker's side as docs/tls.md has it.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Certificates } from "../support/certificates.ts";
import { gate, missing, NO_MOSQUITTO } from "../support/gates.ts";
import { listen, send } from "../support/live.ts";
import { page, wordsOf } from "../support/markdown.ts";
import { Mosquitto } from "../support/servers.ts";
import { becomesTrue } from "../support/patience.ts";
import {
  accepts,
  assertOneLine,
  assertQuietSuccess,
  freePort,
  type Outcome,
  run,
  spawn,
  start,
} from "../support/processes.ts";

const live = gate(NO_MOSQUITTO ?? missing("openssl"));

/** The listeners of a Mosquitto, one for each transport and certificate. */
function listenersOf(all: Certificates) {
  const { server, wrongName, wildcard, expired } = all;
  const mutual = [`cafile ${all.ca}`, "require_certificate true"];
  const websockets = "protocol websockets";
  return {
    tls: server.lines,
    mutual: [...server.lines, ...mutual],
    revoking: [...server.lines, ...mutual, `crlfile ${all.crl}`],
    wrongName: wrongName.lines,
    wildcard: wildcard.lines,
    expired: expired.lines,
    ws: [websockets],
    wss: [websockets, ...server.lines],
    wssMutual: [websockets, ...server.lines, ...mutual],
    wssExpired: [websockets, ...expired.lines],
  };
}

type Name = keyof ReturnType<typeof listenersOf>;

/** The permission for a URL alone, and for files. */
function permissionsFor(url: string, files: string[]): string[] {
  const net = `-N=${url.replace(/^\w+:\/\//, "").replace(/\/.*$/, "")}`;
  return files.length === 0 ? [net] : [net, `-R=${files.join(",")}`];
}

function runAt(
  script: string,
  url: string,
  files: string[],
  ...args: string[]
): Promise<Outcome> {
  const permissions = permissionsFor(url, files);
  return run(script, ["-h", url, ...args], { permissions });
}

/** Both scripts meet, with a path where there can be one. */
async function meet(broker: Mosquitto, { ca }: Certificates, name: Name) {
  const url = broker.url(name) + (name === "tls" ? "" : "/mqtt?x=1");
  const files = name === "ws" ? [] : [ca];
  const trust = files.flatMap((file) => ["--cafile", file]);
  const permissions = permissionsFor(url, files);
  await using listener = await listen(
    ["-h", url, ...trust, "-C", "2", "--no-announce"],
    { permissions },
  );
  const room = url + (name === "tls" ? "/chat" : "#chat");
  await send([room, ...trust], ["one", "two"], { permissions });
  const { code, stdout } = await listener.outcome();
  assertEquals(code, 0);
  assertMatch(stdout, / chat: one\n\S+ chat: two\n$/);
}

/** What each certificate that can't be trusted is answered with. */
const FAULTS: [listener: Name, trust: "ca" | "otherCa" | undefined, RegExp][] =
  [
    ["tls", undefined, /signed by ca, .* --cafile\.$/m],
    ["tls", "otherCa", /signed by ca, .* --cafile\.$/m],
    ["wss", "otherCa", /signed by ca, .* --cafile\.$/m],
    [
      "wrongName",
      "ca",
      /valid for localhost; valid for elsewhere\.example: .* --host\.$/m,
    ],
    [
      "wildcard",
      "ca",
      /valid for localhost; valid for \*\.elsewhere\.example: .* --host\.$/m,
    ],
    ["expired", "ca", / expired on 2020-01-02; .*\.$/m],
    ["wssExpired", "ca", / expired on 2020-01-02; .*\.$/m],
  ];

/** Certificates of clients, and what is said of each that is refused. */
const CLIENTS: [
  listener: Name,
  own: "client" | "stranger" | "revoked" | undefined,
  fault?: RegExp,
][] = [
  ["mutual", "client"],
  ["wssMutual", "client"],
  ["mutual", undefined, /wants a certificate of yours; give --cert/],
  ["mutual", "stranger", /does not trust the authority .* --cert/],
  ["revoking", "client"],
  ["revoking", "revoked", /your --cert was revoked/],
];

live("rooms over mqtts, ws and wss, or a line of why not", async (test) => {
  await using certificates = await Certificates.make();
  const { ca } = certificates;
  const listeners = listenersOf(certificates);
  await using broker = await Mosquitto.start({ listeners });
  for (const name of ["tls", "ws", "wss"] as const) {
    await test.step(name, () => meet(broker, certificates, name));
  }
  for (const [name, own, fault] of CLIENTS) {
    await test.step(`${name}: --cert of ${own}`, async () => {
      const { cert, key } = certificates[own ?? "client"];
      const flags = own ? ["--cert", cert, "--key", key] : [];
      const files = [ca, ...own ? [cert, key] : []];
      const outcome = await runAt(
        "publisher.ts",
        broker.url(name),
        files,
        ...["--cafile", ca, "-m", "x", ...flags],
      );
      if (fault) assertOneLine(outcome, 4, fault);
      else assertQuietSuccess(outcome);
    });
  }
  for (const [name, trust, sentence] of FAULTS) {
    await test.step(`${name}, trusting ${trust}`, async () => {
      const files = trust === undefined ? [] : [certificates[trust]];
      const flags = files.flatMap((file) => ["--cafile", file]);
      const url = broker.url(name);
      // One that were trusted would go on reading.
      const wait = [...flags, "-W", "9"];
      const outcome = await runAt("listener.ts", url, files, ...wait);
      assertOneLine(outcome, 4, sentence);
      assertMatch(outcome.stderr, /localhost:/);
    });
  }
  await test.step("ports that speak something else", async () => {
    const wrong = [
      `mqtts://${broker.host}`,
      `ws://${broker.host}`,
      `mqtt://localhost:${broker.portOf("tls")}`,
      `mqtt://localhost:${broker.portOf("ws")}`,
      `wss://localhost:${broker.portOf("ws")}`,
    ];
    await Promise.all(wrong.map(async (url) => {
      const trust = /^(mqtts|wss):/.test(url) ? ["--cafile", ca] : [];
      const args = [...trust, "-m", "x"];
      const outcome = await runAt("publisher.ts", url, [ca], ...args);
      assertOneLine(outcome, 4, /No broker answers at /);
    }));
  });
});

live("the protocol that --alpn names is sent", async () => {
  await using certificates = await Certificates.make();
  const { server, ca } = certificates;
  const name = "x-amzn-mqtt-ca";
  using listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: await Deno.readTextFile(server.cert),
    key: await Deno.readTextFile(server.key),
    alpnProtocols: [name],
  });
  const { port } = listener.addr as Deno.NetAddr;
  const args = ["--cafile", ca, "--alpn", name, "--timeout", "9"];
  const url = `localhost:${port}`;
  await using publisher = start("publisher.ts", ["-h", url, ...args], {
    permissions: ["-N", "-R"],
  });
  using connection = await listener.accept();
  assertEquals((await connection.handshake()).alpnProtocol, name);
  publisher.signal("SIGTERM");
});

const [, SIDE] = page("docs/tls.md").text.split("## The broker's side\n");

/** The blocks of the page, of a language, that contain a text. */
function blocks(language: string, text: string): string[] {
  return [...SIDE.matchAll(/^```(\w*)\n([^]*?)^```$/gm)]
    .filter(([, kind, code]) => kind === language && code.includes(text))
    .map(([, , code]) => code);
}

/** Runs a command of the page in a folder; returns what it writes. */
async function shell(
  folder: string,
  command: string,
  stdin?: string,
): Promise<string> {
  await using child = spawn("sh", ["-ec", command], { cwd: folder });
  const { code, stdout, stderr } = await child.finish(stdin);
  assertEquals(code, 0, `${command}\n${stderr}`);
  return stdout;
}

live("the page's commands and lines make a room over TLS", async () => {
  await using broker = await Mosquitto.start();
  const { path: folder } = broker;
  const port = freePort();
  /** Adds lines of the page to the configuration, and restarts the broker. */
  const configure = async (lines: string) => {
    const own = lines.replace("listener 8883", `listener ${port} 127.0.0.1`);
    const append = { append: true };
    await Deno.writeTextFile(`${folder}/mosquitto.conf`, own, append);
    await broker.down();
    await broker.up();
    await accepts(port);
  };
  /** A command of the page, as {@link run} takes it. */
  const command = (
    script: string,
    ...more: string[]
  ): Parameters<typeof run> => {
    const [line] = blocks("sh", script);
    const words = wordsOf(line.trim())[0].map((word) =>
      word.replaceAll("tls/", `${folder}/tls/`)
        .replace("mqtts://localhost", `mqtts://localhost:${port}`)
    );
    const at = words.indexOf(script);
    assertEquals(words.slice(0, 2), ["deno", "run"]);
    const args = [...words.slice(at + 1), ...more];
    return [script, args, { permissions: words.slice(2, at) }];
  };
  /** The serial number of the certificate that the broker shows. */
  const serial = () =>
    shell(
      folder,
      `openssl s_client -connect 127.0.0.1:${port} 2> log |
        openssl x509 -noout -serial`,
    );
  for (const block of blocks("sh", "openssl")) await shell(folder, block);
  const isRoot = await shell(folder, "id -u") === "0\n";
  const [chown] = blocks("sh", "chown");
  if (isRoot) await shell(folder, chown.replace("sudo ", ""));
  await configure(blocks("", "listener 8883")[0]);

  await using listener = start(...command("listener.ts"));
  await listener.stdout.line(/now subscribed/);
  assertQuietSuccess(await run(...command("publisher.ts")));
  await listener.stdout.line(/ chat: Hello$/);
  // SIGHUP brings a new user and a new certificate, and no cut.
  const asAda = command("publisher.ts", "-u", "ada", "-P", "ada's own");
  assertEquals((await run(...asAda)).code, 3);
  const before = await serial();
  await shell(folder, blocks("sh", "server.csr")[0]);
  const [passwd] = blocks("sh", "mosquitto_passwd");
  await shell(folder, passwd, "ada's own\nada's own\n");
  const rights = `\n${blocks("", "topic readwrite")[0]}`;
  await Deno.writeTextFile(`${folder}/mosquitto/acl`, rights, { append: true });
  const [kill] = blocks("sh", "kill");
  assertEquals(kill, 'kill -HUP "$(pgrep -x mosquitto)"\n');
  broker.signal("SIGHUP");
  const isKnown = async () => (await run(...asAda)).code === 0;
  assert(await becomesTrue(isKnown));
  assert(await serial() !== before);
  await listener.stdout.line(/ ada: Hello$/);
  const { stdout, stderr } = await listener.stop();
  assertEquals(stdout.includes("=="), false, stdout + stderr);

  await configure(blocks("", "require_certificate")[0]);
  assertQuietSuccess(await run(...command("publisher.ts")));
  assertOneLine(
    await run(...command("listener.ts", "-C", "1")),
    4,
    /it wants a certificate of yours; give --cert and --key/,
  );
});
