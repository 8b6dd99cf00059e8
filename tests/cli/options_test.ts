/** What arguments say: flags, options, help. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertThrows,
} from "@std/assert";
import {
  flagsOf,
  helpText,
  readFlags,
  type Script,
  UsageError,
} from "../../lib/cli/flags.ts";
import {
  parseListenerArgs,
  parsePublisherArgs,
  type Request,
} from "../../lib/cli/options.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("options");

/** The arguments of a row: one text where no argument has a blank. */
type Args = string | string[];
const listed = (args: Args) =>
  typeof args === "string" ? args.split(" ").filter(Boolean) : args;

/** Returns the options of a script's arguments. */
const optionsBy =
  <O>(parse: (args: string[]) => Request<O>) => (args: Args = ""): O => {
    const request = parse(listed(args));
    assert(request.action === "run");
    return request.options;
  };
const listener = optionsBy(parseListenerArgs);
const publisher = optionsBy(parsePublisherArgs);

const BROKER = { scheme: "mqtt", host: "localhost", port: 1883, path: "" };

const COMMON_DEFAULTS = {
  brokers: [BROKER],
  username: "chat",
  isDefaultUser: true,
  name: "chat",
  isNameChosen: false,
  ignore: [],
  asksSecret: false,
  needsSecret: false,
  resume: false,
  sessionExpiry: 86_400,
  qos: 1,
  keepalive: 30,
  protocolVersion: "auto",
  tlsFiles: {},
  timeout: 10,
  color: "auto",
  quiet: false,
  debug: false,
  bell: false,
};

test("the defaults", () => {
  const defined = (options: object) => JSON.parse(JSON.stringify(options));
  assertEquals(defined(listener()), {
    ...COMMON_DEFAULTS,
    ...{ topics: ["chat"], announce: true, json: false, showTopic: false },
  });
  assertEquals(defined(publisher()), {
    ...COMMON_DEFAULTS,
    ...{ topic: "chat", stdinFile: false, follow: false },
  });
});

const TLS = { scheme: "mqtts", host: "a", port: 8883, path: "" };

/** What flags change in the defaults, to their limits. */
type Effect = [args: string, part: object];

const BOTH_SAY: Effect[] = [
  ["--name Ann", { name: "Ann", isNameChosen: true }],
  ["-n chat", {}],
  ["--ignore Bob --ignore=-x- --ignore Ada", { ignore: ["Bob", "-x-", "Ada"] }],
  ["--ignore Ada -n ada", { ignore: ["Ada"], name: "ada", isNameChosen: true }],
  ["--bell", { bell: true }],
  ["--secret-file s", { secretFile: "s" }],
  ["--sign-key k", { signKeyFile: "k" }],
  ["--people p", { peopleFile: "p" }],
  ["--secret", { asksSecret: true }],
  ["--sealed", { needsSecret: true }],
  ["--color never", { color: "never" }],
  ["--quiet", { quiet: true }],
  ["--debug", { debug: true }],
  ["--url mqtt://a", { brokers: [{ ...BROKER, host: "a" }] }],
  ["--host a", { brokers: [{ ...BROKER, host: "a" }] }],
  ["--port 1", { brokers: [{ ...BROKER, port: 1 }] }],
  ["-p 65535", { brokers: [{ ...BROKER, port: 65_535 }] }],
  ["-u ann", { username: "ann", isDefaultUser: false, name: "ann" }],
  ["-h mqtt://ann@a", {
    brokers: [{ ...BROKER, host: "a", username: "ann" }],
    ...{ username: "ann", isDefaultUser: false, name: "ann" },
  }],
  ["--anonymous", { username: undefined, isDefaultUser: false }],
  ["--username= -n Ann", {
    ...{ username: undefined, isDefaultUser: false },
    ...{ name: "Ann", isNameChosen: true },
  }],
  ["--password p=1", { password: "p=1" }],
  ["--password-file pw", { passwordFile: "pw" }],
  ["--id x", { clientId: "x" }],
  // The last one counts.
  ["--qos 9 -q1 -q0", { qos: 0 }],
  ["-q 2", { qos: 2 }],
  ["--keepalive 5", { keepalive: 5 }],
  ["-k 65535 --timeout 2147483", { keepalive: 65_535, timeout: 2_147_483 }],
  ["--timeout 0.5", { timeout: 0.5 }],
  ["--protocol-version 311", { protocolVersion: 4 }],
  ["-V 5", { protocolVersion: 5 }],
  ["-V auto", {}],
  ["--resume -i x", { resume: true, clientId: "x" }],
  ["-c -i x --session-expiry 0", {
    ...{ resume: true, clientId: "x", sessionExpiry: 0 },
  }],
  ["-c -i x -x 4294967295", {
    ...{ resume: true, clientId: "x", sessionExpiry: 4_294_967_295 },
  }],
  // A flag for TLS makes a bare host encrypted.
  ["-h a --alpn mqtt", { alpn: "mqtt", brokers: [TLS] }],
  ["-h a --cafile ca --cert c --key k", {
    brokers: [TLS],
    tlsFiles: { ca: "ca", cert: "c", key: "k" },
  }],
];

const LISTENER_SAYS: Effect[] = [
  // Topics are gathered.
  ["-t a --topic b -t=a", { topics: ["a", "b"], showTopic: true }],
  ["-t a/#", { topics: ["a/#"], showTopic: true }],
  ["-t a", { topics: ["a"] }],
  ["--show-topic", { showTopic: true }],
  ["--verbose", { showTopic: true }],
  ["--no-announce", { announce: false }],
  ["--json --only messages", { json: true, only: "messages" }],
  ["--keep 1 --count 1", { keep: 1, count: 1 }],
  ["--keep 500 -C 9007199254740991", { keep: 500, count: 2 ** 53 - 1 }],
  ["--history 0 --wait 1.5", { history: 0, waitSeconds: 1.5 }],
  ["--history 500 -W 2147483", { history: 500, waitSeconds: 2_147_483 }],
  ["--history 0 -t a -t b", {
    ...{ topics: ["a", "b"], showTopic: true, history: 0 },
  }],
];

const PUBLISHER_SAYS: Effect[] = [
  ["-t a --topic b", { topic: "b" }],
  ["--message=words", { message: "words" }],
  ["--message=", { message: "" }],
  ["--stdin-file", { stdinFile: true }],
  ["--stdin-line", {}],
  ["--follow --history 3", { follow: true, history: 3 }],
  ["-f --log a", { follow: true, log: "a" }],
];

test("what each flag says", () => {
  const scripts = [
    ["listener", listener, [...BOTH_SAY, ...LISTENER_SAYS]],
    ["publisher", publisher, [...BOTH_SAY, ...PUBLISHER_SAYS]],
  ] as const;
  // These have tests of their own.
  const others = ["new-secret", "completions", "version", "help"];
  for (const [script, parse, effects] of scripts) {
    for (const [args, part] of effects) {
      assertEquals(parse(args), { ...parse(), ...part }, args);
    }
    const words = effects.flatMap(([args]) => args.split(/[ =]/));
    for (const { long } of flagsOf(script)) {
      assert(words.includes(`--${long}`) || others.includes(long), long);
    }
  }
  const longest = ["-n", "x".repeat(256), "--alpn", "x".repeat(255)];
  assertEquals(listener(longest).alpn?.length, 255);
  // An empty message is one.
  assertThrows(() => publisher(["--follow", "-m", ""]), UsageError);
});

test("several brokers, one port, one user", () => {
  const hosts = "-h mqtt://ann:pw@a -h b:7 -h ws://c -p 9 -h mqtt://d:8";
  const { brokers, username } = listener(hosts);
  const addresses = brokers.map(({ host, port }) => `${host}:${port}`);
  assertEquals(addresses, ["a:9", "b:7", "c:9", "d:8"]);
  assertEquals([username, brokers[0].password], ["ann", "pw"]);
  assertEquals(listener("-h mqtt://ann@a -u bob").username, "bob");
});

test("a URL names broker and room, and flags win over it", () => {
  const long = "mqtt://a:7/chat/b%C3%BCro%201";
  for (const args of [long, `-L ${long}`, `--url=${long}`]) {
    const { brokers, topic } = publisher(args);
    assertEquals([brokers[0].host, brokers[0].port], ["a", 7]);
    assertEquals(topic, "chat/büro 1");
    assertEquals(listener(args).topics, ["chat/büro 1"]);
  }
  const { brokers, topics } = listener("ws://a/x#chat/%23 wss://b#chat/%23");
  assertEquals(brokers.map(({ host }) => host), ["a", "b"]);
  assertEquals(topics, ["chat/#"]);
  assertEquals(listener("mqtt://a/%24share/g/b").topics, ["$share/g/b"]);
  const url = "mqtt://ann:pw@a:7/b";
  assertEquals(listener(`-t c ${url} -t d`).topics, ["c", "d"]);
  const rooms: [args: string, room: string][] = [
    ["mqtt://a", "a:1883 chat"],
    [`${url} -t c`, "a:7 c"],
    ["mqtt://a/b/%23 -t c", "a:1883 c"],
    [`${url} -p 8`, "a:8 b"],
    [`${url} -h c`, "c:1883 b"],
  ];
  for (const [args, room] of rooms) {
    const { brokers: [{ host, port }], topic } = publisher(args);
    assertEquals(`${host}:${port} ${topic}`, room, args);
  }
});

test("the login of a URL, under flags", () => {
  const url = "mqtt://ann:pw@a:7/b";
  const logins: [args: string, username?: string, password?: string][] = [
    [url, "ann", "pw"],
    [`${url} -u ann`, "ann", "pw"],
    [`${url} -u bob`, "bob"],
    [`${url} -P x`, "ann", "x"],
    [`${url} -u bob -P x`, "bob", "x"],
    [`${url} --password-file f`, "ann"],
    [`${url} --anonymous`],
    ["-h mqtt://ann:pw@a:7 -u="],
  ];
  for (const [args, ...expected] of logins) {
    const { username, password, brokers: [broker] } = publisher(args);
    const login = [broker.username ?? username, broker.password ?? password];
    assertEquals(login, [expected[0], expected[1]], args);
  }
});

test("the command that arguments stand for", () => {
  const commands: Record<string, Args> = {
    "-N=localhost:1883 publisher.ts": "",
    "-N=a:1883 publisher.ts --follow mqtt://a/b --name 'Ada B'": [
      "-f",
      "mqtt://a/b",
      "-n",
      "Ada B",
    ],
    [
      "'-N=a:1883,[::1]:7' publisher.ts --host a --host '[::1]:7' " +
      "--host a --message 'it'\\''s' --name=-x-"
    ]: "-h a -h [::1]:7 -h a -m it's --name=-x-",
    "-N=a:443 publisher.ts 'wss://u@a?…#b'":
      "-P hunter2 wss://u:hunter2@a?t=hunter2#b",
    "-N=a:80 publisher.ts 'ws://a#why?'": "ws://a#why?",
    [
      "-N=localhost:8883 -R=s,c '-W=my log' publisher.ts --secret-file s " +
      "--cafile c --follow --log 'my log'"
    ]: ["--secret-file", "s", "--cafile", "c", "-f", "--log", "my log"],
  };
  for (const [command, args] of Object.entries(commands)) {
    const request = parsePublisherArgs(listed(args));
    assert(request.action === "run");
    assertEquals(request.command, `deno run ${command}`);
  }
  assertEquals(parseListenerArgs(listed("-t a --new-secret s --sealed")), {
    action: "new secret",
    path: "s",
    command: "deno run -W=s listener.ts --topic a --new-secret s --sealed",
    next: "deno run -N=localhost:1883 -R=s listener.ts --topic a " +
      "--secret-file s --sealed",
  });
});

test("help and version need nothing else to be right", () => {
  const help = (color = "auto") => ({ action: "help", color });
  const requests: [args: string, request: object][] = [
    ["--help", help()],
    ["-q 9 x --help", help()],
    ["--completions tcsh --help", help()],
    ["--color yes --help", help()],
    ["--color never --help", help("never")],
    ["--version -t #", { action: "version" }],
    ["-t # --completions zsh", { action: "completions", shell: "zsh" }],
  ];
  for (const [args, request] of requests) {
    assertEquals(parsePublisherArgs(listed(args)) as object, request, args);
    assertEquals(parseListenerArgs(listed(args)) as object, request, args);
  }
});

/** Arguments that can't be followed, and what is said. */
type Refusal = [args: Args, sentence: RegExp];

const BOTH_REFUSE: Refusal[] = [
  ["room", /^"room" belongs to no flag/],
  ["-", /^"-" belongs to no flag/],
  ["a/b", /^"a\/b" belongs to no flag; a room is --topic ROOM, or a URL/],
  ["http://a/b", /^one argument belongs to no flag; a room is --topic/],
  ["mqtt://a/b c", /^one .* no flag; a space in a URL is written %20\.$/],
  ["mqtt://a/b#", /^the URL does not fit: "#" is written %23\.$/],
  ["-L mqtt://a/b?", /^the URL does not fit: "\?" is written %3F\.$/],
  ["-L a", /^the URL "a" does not fit: it has no scheme; use mqtt, /],
  ["mqtt://a/b/%23/c", /^the URL's room has a /],
  ["mqtt://a/%00", /^the URL's room has a control character/],
  ["mqtt://a/b mqtt://c/d", /^the URLs name different rooms; give the/],
  ["mqtt://a/b mqtt://c", /^the URLs name different rooms/],
  ["-t mqtt://a:pw@b/c", /^--topic "mqtt:\/\/a@b\/c" is a URL; give it/],
  ["-h mqtt://a/b", /^--host does not fit: it takes no room; --topic/],
  ["--anonymous -u a", /^give --anonymous or --username, not both/],
  ["--anonymous -P a", /^--password needs a user; give --username/],
  ["-u= --password-file a", /^--password-file needs a user; give/],
  ["--new-secret a --secret", /^give --secret or --new-secret, not/],
  ["--new-secret a --secret-file b", /^give --new-secret or --sec/],
  ["-- -m --help", /^"-m" belongs to no flag; text with spaces needs /],
  ["--port=0", /: it takes a whole number from 1 to 65535\.$/],
  ["--qos=3", /: it takes one of 0, 1, 2\.$/],
  ["-x 4294967296 -c -i a", /^--session-expiry .* does not fit/],
  ["--resume", /^--resume needs --id/],
  ["-x 5", /^--session-expiry needs --resume\.$/],
  ["-P a --password-file b", /^give --password or --password-file/],
  ["--secret --secret-file b", /^give --secret or --secret-file, not/],
  ["--cert c", /^--cert needs --key\.$/],
  ["--key k", /^--key needs --cert\.$/],
  ["--alpn ü", /^--alpn "ü" does not fit: it takes a name such as mqtt /],
  [["--alpn", "a b"], /^--alpn "a b" does not fit/],
  [["--alpn", "x".repeat(256)], /^--alpn "x+" does not fit/],
  ["--alpn mqtt -h wss://a", /^--alpn is for mqtts:\/\/; wss:/],
  ["--alpn mqtt -h mqtt://a", /encrypted connections, mqtt:/],
  [["-h", "a", "-h", "b c"], /^--host "b c" does not fit: it takes a host/],
  ["-h a:0", /^--host "a:0" does not fit/],
  ["-h http://a", /^--host "http:\/\/a" does not fit: .* no scheme http/],
  ["-h mqtt://a --cafile ca", /mqtt:\/\/ is not one; write mqtts:\/\/\.$/],
  [["-u", "a\u0007b"], /^--username "a\\u0007b" has a control character/],
  [["-i", "x".repeat(70_000)], /^--id "x/],
  [["-n", "x".repeat(257)], /^--name takes 256 characters at most, not 257/],
  [["-t", "a\nb"], /^--topic "a\\nb" has a control character/],
  ["--ignore Bob -n Bob", /^--ignore "Bob" is your own name; --na/],
  ["--ignore Ada -u Ada", /^--ignore "Ada" is your own name/],
  [["--ignore", '"a: b"', "-n", "a: b"], /^--ignore "a: b" is your own name/],
];

const LISTENER_REFUSES: Refusal[] = [
  ["-t a -t b --history 3", /^--history is for one room/],
  ["-t $share/g/a --keep 3", /^--keep needs the whole room/],
  ["-t a -t b#", /^--topic "b#" has a wildcard that is not/],
  ["-t a/# --history 3", /^--history is for one room/],
  ["--only notices", /^--only "notices" does not fit: .* mentions\.$/],
  ["--only mentions", /^--only mentions needs --name, to look for\.$/],
  ["-T chat/x", /^-T is --show-topic here; mosquitto_sub's -T FILTER/],
];

const PUBLISHER_REFUSES: Refusal[] = [
  ["-f -m x", /^give --follow or --message, not both\.$/],
  ["-s -m x", /^give --stdin-file or --message, not both\.$/],
  ["-l -s", /^give --stdin-line or --stdin-file, not both\.$/],
  ["-l -m x", /^give --stdin-line or --message, not both\.$/],
  ["-l -f", /^give --stdin-line or --follow, not both\.$/],
  ["-f -s", /^give --stdin-file or --follow, not both\.$/],
  ["-q1 -f text", /^-f is --follow here; mosquitto_pub's -f FILE .* < FILE/],
  ["-n", /^-n is --name NAME here; mosquitto_pub's -n/],
  ["-n -t a", /^-n is --name NAME here; mosquitto_pub's -n/],
  ["--log a", /^--log needs --follow\.$/],
  ["--history 3", /^--history needs --follow\.$/],
  ["-t chat/#", /^--topic "chat\/#" has a wildcard, \+ or #/],
  ["mqtt://a/chat/%23", /^the URL's room has a wildcard, \+ or #; mess/],
  ["-t $share/g/a", /^--topic "\$share\/g\/a" is shared with other/],
  ["mqtt://a/$share/g/a", /^the URL's room is shared with other readers; w/],
  ["-m see http://a/b", /^one argument .* text with spaces needs/],
  ["-m", /^--message needs a value/],
  ["-m hello world", /^"world" belongs to no flag/],
];

/** Values that don't fit their flags. */
const BOTH_MISFIT =
  "port=0 port=65536 port=x port=-1 port=1.5 port=1e3 port=0x10 port=१ " +
  "port=mqtt://a qos=3 qos=-1 qos=one qos=00 keepalive=4 keepalive=65536 " +
  "protocol-version=4 color=yes completions=tcsh timeout=0 timeout=2147484";
const LISTENER_MISFITS =
  "keep=0 keep=501 history=501 count=0 count=9007199254740992 only=notices " +
  "wait=0 wait=-1 wait=2147484";

/** Refusals of flags as `--flag=value`. */
const misfits = (texts: string): Refusal[] =>
  texts.split(" ").map((text) => {
    const [flag, value] = text.split("=");
    const start = `--${flag} "${value}" does not fit: it takes `;
    return [`--${text}`, RegExp(`^${RegExp.escape(start)}`)];
  });

test("what can't be followed, in one sentence", () => {
  const both = [...BOTH_REFUSE, ...misfits(BOTH_MISFIT)];
  const listener = [...both, ...LISTENER_REFUSES, ...misfits(LISTENER_MISFITS)];
  const scripts = [
    [parseListenerArgs, listener],
    [parsePublisherArgs, [...both, ...PUBLISHER_REFUSES]],
  ] as const;
  for (const [parse, refusals] of scripts) {
    for (const [args, sentence] of refusals) {
      const follow = () => void parse(listed(args));
      const { message } = assertThrows(follow, UsageError, "", `${args}`);
      assertMatch(message, sentence);
      assertMatch(message, /^[^\n]+\.$/);
    }
  }
});

const SCRIPTS: Script[] = ["listener", "publisher"];
const FLAGS = SCRIPTS.flatMap((script) =>
  flagsOf(script).map((flag) => ({
    ...flag,
    script,
    spellings: [`--${flag.long}`, ...flag.short ? [`-${flag.short}`] : []],
  }))
);

function fault(script: Script, ...args: string[]): string {
  const read = () => readFlags(script, args).refuseExtra();
  return assertThrows(read, UsageError, "", args.join(" ")).message;
}

test("a message is sent, whatever it looks like", () => {
  const texts = [
    ...["--help", "--version", "-h", "--", "-", "-5", "-m", "--topic=x", ""],
    ...["-ab=1", "light=on", "=", "=x", "two\nlines", "\n", "a=b\nc"],
    ...["007", "1e3", "true"],
  ];
  for (const text of texts) {
    for (const flag of ["-m", "--message"]) {
      for (const args of [[flag, text], [`${flag}=${text}`]]) {
        const { message, topic } = publisher([...args, "-t", "chat/room"]);
        assertEquals([message, topic], [text, "chat/room"], args.join(" "));
      }
    }
  }
});

test("letters may be joined, and the last may take a value", () => {
  const cases: [Script, args: string, given: Record<string, string>][] = [
    ["listener", "-Tcq1 -p1884 -ta/b", {
      ...{ "show-topic": "", resume: "" },
      ...{ qos: "1", port: "1884", topic: "a/b" },
    }],
    ["publisher", "-ft room -cq=0", { topic: "room", qos: "0" }],
    ["publisher", "-mlight=on", { message: "light=on" }],
  ];
  for (const [script, args, given] of cases) {
    const values = readFlags(script, listed(args));
    for (const [flag, value] of Object.entries(given)) {
      assertEquals([values.has(flag), values.one(flag) ?? ""], [true, value]);
    }
  }
});

test("a flag that lacks its value doesn't take the next flag for it", () => {
  for (const { script, long, value, spellings } of FLAGS) {
    if (value === undefined || long === "message") continue;
    for (const spelling of spellings) {
      // Its error has a test beside those of the publisher's other letters.
      if (spelling === "-n" && script === "publisher") continue;
      const subject = spelling === "-h"
        ? "-h is the broker's host and"
        : `--${long}`;
      for (const next of ["--help", "--json", "-m", "-secret"]) {
        assertEquals(
          fault(script, spelling, next),
          `${subject} needs a value; one that begins with a dash is written ` +
            `--${long}=-x.`,
        );
      }
      const empty = [[spelling, ""], [`${spelling}=`]];
      // An empty user is none.
      for (const args of [[spelling], ...long === "username" ? [] : empty]) {
        assert(fault(script, ...args).startsWith(`${subject} needs a value`));
      }
    }
  }
  assertEquals(
    fault("listener", "--completions"),
    "--completions needs a value: bash, zsh, fish.",
  );
  assertEquals(readFlags("listener", ["--name=-x-"]).one("name"), "-x-");
});

test("a switch takes no value; other flags their last one, or all", () => {
  for (const { script, long, value, isRepeatable, spellings } of FLAGS) {
    if (value === undefined) {
      assert(readFlags(script, [`--${long}`, `--${long}`]).has(long));
      for (const flag of spellings) {
        for (const word of ["no", "0", "true", ""]) {
          const message = `${flag} takes no value.`;
          assertEquals(fault(script, `${flag}=${word}`), message);
        }
      }
      continue;
    }
    const values = readFlags(script, [`--${long}=1`, `--${long}`, "2"]);
    assertEquals(values.one(long), "2");
    if (isRepeatable) assertEquals(values.all(long), ["1", "2"]);
  }
  const repeatable = FLAGS.filter((flag) => flag.isRepeatable);
  assertEquals(repeatable.map(({ script, long }) => `${script} ${long}`), [
    ...["listener topic", "listener ignore", "listener url", "listener host"],
    ...["publisher ignore", "publisher url", "publisher host"],
  ]);
});

test("an unknown flag names the nearest one, a strange one none", () => {
  const near: Record<string, string> = {
    ...{ "--topik": "topic", "--topik=x": "topic", "--tpoic": "topic" },
    ...{ "-topic": "topic", "-topic=x": "topic", "--TOPIC": "topic" },
    ...{ "-cafile": "cafile", "--pass": "password", "--hist": "history" },
    ...{ "--pot": "port", "--quiat": "quiet" },
  };
  const none = [
    ...["--bogus", "-z", "--no-json", "--__proto__", "--toString", "--kye"],
    ...["--tobik-x", "--whereabouts", "--x"],
  ];
  const cases = [
    ...Object.entries(near).map(([arg, flag]) => {
      return [arg, `${arg.replace("=x", "")}; did you mean --${flag}?`];
    }),
    ...none.map((arg) => [arg, `${arg}.`]),
    ...[["--=secret", "--."], ["--\x1b[2J", '"--\\u001b[2J".']],
  ];
  for (const [arg, rest] of cases) {
    for (const script of SCRIPTS) {
      assertEquals(fault(script, "-q1", arg, "x"), `unknown flag ${rest}`);
    }
  }
  assertEquals(fault("listener", "-m", "hi"), "unknown flag -m.");
  assertEquals(fault("publisher", "-C", "1"), "unknown flag -C.");
});

test("no error repeats a password", () => {
  const hosts = [
    ...["mqtt://ann:hunter2@a/room", "mqtt://ann:hunter2%40a", "ann:hunter2@a"],
    ...["mqtt://a/?user=hunter2", "http://ann:hunter2@a"],
    ...["mqtt://ann:hunter2@a:99999", "mqtt://ann:hunter2@a b"],
  ];
  const flags = ["-p", "-q", "-k", "--color", "--timeout", "-t"];
  const others = [
    ...["--pasword=hunter2", "--pasword hunter2", "-zhunter2", "-P -hunter2"],
    ...["-P x hunter2", "--secret=hunter2", "--secret hunter2", "-pw hunter2"],
    ...["--json=hunter2", "-f=hunter2", "ann:hunter2@a", "--=hunter2"],
    ...["-P=x hunter2", "-pass hunter2", "mqtt://ann:hun hunter2@a/b"],
    ...["mqtt://a hunter2", "mqtt://ann:7/hunter2@a?"],
    ...["mqtt://ann:7/%23hunter2@a/"],
  ];
  for (
    const args of [
      ...hosts.map((host) => ["-h", host]),
      ...flags.map((flag) => [flag, "mqtt://ann:hunter2@a/#"]),
      ...others.map(listed),
      ["mqtt://ann:hunter2@a/x y"],
    ]
  ) {
    for (const parse of [parseListenerArgs, parsePublisherArgs]) {
      const { message } = assertThrows(() => void parse(args), UsageError);
      assertFalse(message.includes("hunter2"), args.join(" "));
    }
  }
});

for (const script of SCRIPTS) {
  test(`the ${script}'s help has a line of 80 columns for each flag`, () => {
    const flags = flagsOf(script);
    const lines = helpText(script).split("\n");
    for (const line of lines) assert(line.length <= 80, line);
    assertEquals(lines[2], `Usage: deno run -N ${script}.ts [FLAGS] [URL]`);
    const rows = lines.filter((line) => /^ +--?\w/.test(line));
    const expected = flags.map(({ long, short, value, help }) => {
      const letter = short ? `-${short}, ` : "    ";
      const spelling = `  ${letter}--${long}${value ? ` ${value}` : ""}`;
      // The descriptions make a column.
      return spelling.padEnd(28) + help;
    });
    assertEquals(rows, expected);
    for (const { help, value, choices = [] } of flags) {
      for (const word of choices) assert(`${help} ${value}`.includes(word));
    }
    const names = flags.flatMap(({ long, short }) => [long, short ?? long]);
    const letters = flags.filter(({ short }) => short !== undefined);
    assertEquals(new Set(names).size, flags.length + letters.length);
  });

  test(`the ${script}'s help colours its headings, and its examples work`, () => {
    const headings: string[] = [];
    const text = helpText(script, (heading) => {
      headings.push(heading);
      return `<${heading}>`;
    });
    assertEquals([headings[0], headings.at(-1)], ["Usage:", "Examples:"]);
    assert(headings.length >= 7);
    assertEquals(text.replaceAll(/[<>]/g, ""), helpText(script));
    const parse = script === "listener"
      ? parseListenerArgs
      : parsePublisherArgs;
    const examples = helpText(script).split("Examples:\n")[1].split("\n");
    assertEquals(examples.length, 3);
    for (const example of examples) {
      assertMatch(example, /^ {2}.*deno run -N/);
      const command = example.split(`${script}.ts `)[1].split(" | ")[0];
      const args = command.match(/'[^']*'|\S+/g) ?? [];
      parse(args.map((arg) => arg.replaceAll("'", "")));
    }
  });
}
