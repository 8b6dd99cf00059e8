/**
 * The transports against a real Mosquitto: mqtts, ws and wss, client
 * certificates, and a line of its own for each certificate that can't be
 * trusted.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Certificates } from "../support/certificates.ts";
import { gate, isInstalled, NO_MOSQUITTO } from "../support/gates.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { run, start } from "../support/processes.ts";

const live = gate(
  NO_MOSQUITTO ??
    (isInstalled("openssl", "version") ? undefined : "openssl is missing"),
);

/** Certificates, and a Mosquitto with a listener for each transport. */
async function withTransports(
  test: (broker: Mosquitto, certificates: Certificates) => Promise<void>,
): Promise<void> {
  await using certificates = await Certificates.make();
  const { server, wrongName, wildcard, expired, ca, crl } = certificates;
  await using broker = await Mosquitto.start({
    listeners: {
      tls: { identity: server },
      mutual: { identity: server, clientCa: ca },
      revoking: {
        identity: server,
        clientCa: ca,
        extra: [`crlfile ${crl}`],
      },
      wrongName: { identity: wrongName },
      wildcard: { identity: wildcard },
      expired: { identity: expired },
      ws: { websockets: true },
      wss: { websockets: true, identity: server },
      wssExpired: { websockets: true, identity: expired },
    },
  });
  await test(broker, certificates);
}

/** The net permission for a URL, and read permission for files. */
function permissions(url: string, ...files: string[]): string[] {
  const net = `-N=${url.replace(/^\w+:\/\//, "").replace(/\/.*$/, "")}`;
  return files.length === 0 ? [net] : [net, `-R=${files.join(",")}`];
}

live(
  "a room over mqtts, ws and wss, with a path",
  () =>
    withTransports(async (broker, { ca }) => {
      for (const name of ["tls", "ws", "wss"]) {
        const url = broker.url(name) + (name === "tls" ? "" : "/mqtt?x=1");
        const trust = name === "ws" ? [] : ["--cafile", ca];
        const options = {
          permissions: permissions(url, ...trust.slice(1)),
          stdin: "one\ntwo\n",
        };
        await using listener = start(
          "listener.ts",
          ["-h", url, ...trust, "-C", "2"],
          options,
        );
        await listener.stdout.line(/now subscribed/);
        const room = url + (name === "tls" ? "/chat" : "#chat");
        const sent = await run("publisher.ts", [room, ...trust], options);
        assertEquals([sent.code, sent.stderr], [0, ""], url);
        const { code, stdout } = await listener.outcome();
        assertEquals(code, 0);
        assertMatch(stdout, /chat: one\n\S+ chat: two\n/);
      }
    }),
);

live(
  "a client certificate opens a listener that wants one",
  () =>
    withTransports(async (broker, { ca, client, stranger }) => {
      const url = broker.url("mutual");
      const say = (...args: string[]) =>
        run("publisher.ts", ["-h", url, "--cafile", ca, "-m", "x", ...args], {
          permissions: [permissions(url)[0], "-R"],
        });
      const own = ["--cert", client.cert, "--key", client.key];
      const { code, stderr } = await say(...own);
      assertEquals([code, stderr], [0, ""]);
      const without = await say();
      assertEquals(without.code, 4);
      assertMatch(without.stderr, /wants a certificate of yours; give --cert/);
      const other = ["--cert", stranger.cert, "--key", stranger.key];
      const refused = await say(...other);
      assertEquals(refused.code, 4);
      assertMatch(refused.stderr, /does not trust the authority .* --cert/);
    }),
);

live(
  "a revoked client certificate is named as that",
  () =>
    withTransports(async (broker, { ca, revoked }) => {
      const url = broker.url("revoking");
      const own = [
        "--cafile",
        ca,
        "--cert",
        revoked.cert,
        "--key",
        revoked.key,
      ];
      const { code, stderr } = await run(
        "publisher.ts",
        ["-h", url, "-m", "x", ...own],
        { permissions: [permissions(url)[0], "-R"] },
      );
      assertEquals(code, 4);
      assertMatch(stderr, /your --cert was revoked/);
    }),
);

/** What each certificate that can't be trusted is answered with. */
const FAULTS: [
  what: string,
  listener: string,
  trust: "ca" | "otherCa" | undefined,
  sentence: RegExp,
][] = [
  ["an unknown CA", "tls", undefined, /signed by ca, .* --cafile\.$/],
  ["another CA", "tls", "otherCa", /signed by ca, .* --cafile\.$/],
  ["another CA", "wss", "otherCa", /signed by ca, .* --cafile\.$/],
  [
    "a wrong name",
    "wrongName",
    "ca",
    /valid for localhost; valid for elsewhere\.example: .* --host\.$/,
  ],
  [
    "a wildcard for others",
    "wildcard",
    "ca",
    /not valid for localhost; valid for \*\.elsewhere\.example: .* --host\.$/,
  ],
  ["an expired one", "expired", "ca", /expired on 2020-01-02; .*\.$/],
  ["an expired one", "wssExpired", "ca", /expired on 2020-01-02; .*\.$/],
];

live(
  "each certificate that can't be trusted has its line",
  () =>
    withTransports(async (broker, certificates) => {
      await Promise.all(FAULTS.map(async ([what, name, trust, sentence]) => {
        const url = broker.url(name);
        const files = trust === undefined ? [] : [certificates[trust]];
        const flags = files.flatMap((file) => ["--cafile", file]);
        const { code, stdout, stderr } = await run(
          "listener.ts",
          ["-h", url, ...flags],
          { permissions: permissions(url, ...files) },
        );
        assertEquals([code, stdout], [4, ""], what);
        assertMatch(stderr.trimEnd(), sentence, what);
        assertEquals(stderr.trimEnd().split("\n").length, 1, what);
        assert(stderr.includes("localhost:"), what);
      }));
    }),
);

live(
  "a port that speaks something else ends in one line",
  () =>
    withTransports(async (broker, { ca }) => {
      const wrong = [
        `mqtts://${broker.host}`,
        `ws://${broker.host}`,
        `mqtt://localhost:${broker.portOf("tls")}`,
        `mqtt://localhost:${broker.portOf("ws")}`,
        `wss://localhost:${broker.portOf("ws")}`,
      ];
      await Promise.all(wrong.map(async (url) => {
        const trust = /^(mqtts|wss):/.test(url) ? ["--cafile", ca] : [];
        const { code, stderr } = await run(
          "publisher.ts",
          ["-h", url, "-m", "x", ...trust],
          { permissions: ["-N", `-R=${ca}`] },
        );
        assertEquals(code, 4, url);
        assertMatch(stderr, /^publisher: No broker answers at [^\n]+\n$/, url);
      }));
    }),
);

live("the protocol that --alpn names is sent", async () => {
  await using certificates = await Certificates.make();
  const { server, ca } = certificates;
  const name = "x-amzn-mqtt-ca";
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: await Deno.readTextFile(server.cert),
    key: await Deno.readTextFile(server.key),
    alpnProtocols: [name],
  });
  const { port } = listener.addr as Deno.NetAddr;
  const asked = listener.accept().then(async (connection) => {
    const { alpnProtocol } = await connection.handshake();
    connection.close();
    return alpnProtocol;
  });
  const args = ["-h", `localhost:${port}`, "--cafile", ca, "--alpn", name];
  const sent = run("publisher.ts", [...args, "-m", "x"], {
    permissions: ["-N", "-R"],
  });
  assertEquals(await asked, name);
  listener.close();
  assertEquals((await sent).code, 4);
});
