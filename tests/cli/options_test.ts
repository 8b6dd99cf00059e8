import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertThrows,
} from "@std/assert";
import { CHOICES, flagsOf, UsageError } from "../../lib/cli/flags.ts";
import {
  type ListenerOptions,
  parseListenerArgs,
  parsePublisherArgs,
  type PublisherOptions,
} from "../../lib/cli/options.ts";

function listener(...args: string[]): ListenerOptions {
  const request = parseListenerArgs(args);
  assert(request.action === "run");
  return request.options;
}

function publisher(...args: string[]): PublisherOptions {
  const request = parsePublisherArgs(args);
  assert(request.action === "run");
  return request.options;
}

const COMMON_DEFAULTS = {
  brokers: [{ scheme: "mqtt", host: "localhost", port: 1883, path: "" }],
  username: "chat",
  isDefaultUser: true,
  name: "chat",
  isNameChosen: false,
  ignore: [],
  password: undefined,
  passwordFile: undefined,
  secretFile: undefined,
  signKeyFile: undefined,
  peopleFile: undefined,
  asksSecret: false,
  needsSecret: false,
  clientId: undefined,
  resume: false,
  sessionExpiry: 86_400,
  qos: 1,
  keepalive: 30,
  protocolVersion: "auto",
  tlsFiles: { ca: undefined, cert: undefined, key: undefined },
  alpn: undefined,
  timeout: 10,
  color: "auto",
  quiet: false,
  debug: false,
  bell: false,
  history: undefined,
};

Deno.test("options: the listener's defaults", () => {
  const expected = {
    ...COMMON_DEFAULTS,
    topics: ["chat"],
    only: undefined,
    json: false,
    count: undefined,
    waitSeconds: undefined,
    announce: true,
    showTopic: false,
    keep: undefined,
  };
  assertEquals(listener(), expected as ListenerOptions);
});

Deno.test("options: the publisher's defaults", () => {
  const expected = {
    ...COMMON_DEFAULTS,
    topic: "chat",
    message: undefined,
    stdinFile: false,
    follow: false,
    log: undefined,
  };
  assertEquals(publisher(), expected as PublisherOptions);
});

Deno.test("options: every flag, long and short, says the same", () => {
  const samples: Record<string, [value: string, part: object]> = {
    topic: ["a/b", {}],
    name: ["Ann", { name: "Ann", isNameChosen: true }],
    ignore: ["Bob", { ignore: ["Bob"] }],
    "no-announce": ["", { announce: false }],
    count: ["3", { count: 3 }],
    wait: ["1.5", { waitSeconds: 1.5 }],
    "show-topic": ["", { showTopic: true }],
    json: ["", { json: true }],
    only: ["messages", { only: "messages" }],
    "stdin-file": ["", { stdinFile: true }],
    "stdin-line": ["", {}],
    verbose: ["", { showTopic: true }],
    message: ["two words", { message: "two words" }],
    follow: ["", { follow: true }],
    color: ["never", { color: "never" }],
    quiet: ["", { quiet: true }],
    debug: ["", { debug: true }],
    bell: ["", { bell: true }],
    keep: ["5", { keep: 5 }],
    url: ["mqtt://a", {
      brokers: [{ ...COMMON_DEFAULTS.brokers[0], host: "a" }],
    }],
    host: ["a", { brokers: [{ ...COMMON_DEFAULTS.brokers[0], host: "a" }] }],
    port: ["7", { brokers: [{ ...COMMON_DEFAULTS.brokers[0], port: 7 }] }],
    id: ["x", { clientId: "x" }],
    username: ["ann", { username: "ann", isDefaultUser: false, name: "ann" }],
    password: ["p w=1", { password: "p w=1" }],
    "password-file": ["pw", { passwordFile: "pw" }],
    "secret-file": ["s", { secretFile: "s" }],
    "sign-key": ["k", { signKeyFile: "k" }],
    people: ["p", { peopleFile: "p" }],
    secret: ["", { asksSecret: true }],
    sealed: ["", { needsSecret: true }],
    anonymous: ["", { username: undefined, isDefaultUser: false }],
    qos: ["2", { qos: 2 }],
    keepalive: ["5", { keepalive: 5 }],
    timeout: ["0.5", { timeout: 0.5 }],
    "protocol-version": ["311", { protocolVersion: 4 }],
  };
  // These depend on others, and have tests of their own.
  const others = [
    "cafile",
    "cert",
    "key",
    "alpn",
    "resume",
    "session-expiry",
    "history",
    "log",
    "new-secret",
  ];
  others.push("completions", "version", "help");
  const scripts = [["listener", listener], ["publisher", publisher]] as const;
  const all = scripts.flatMap(([script, parse]) =>
    flagsOf(script).map((flag) => ({ ...flag, script, parse }))
  );
  for (const { long, short, value, script, parse } of all) {
    if (others.includes(long)) continue;
    const [text, part] = samples[long];
    const own = long === "topic"
      ? script === "listener" ? { topics: [text] } : { topic: text }
      : part;
    const spellings = value === undefined
      ? [[`--${long}`], ...short ? [[`-${short}`]] : []]
      : [
        [`--${long}`, text],
        [`--${long}=${text}`],
        ...short ? [[`-${short}`, text], [`-${short}=${text}`]] : [],
      ];
    for (const args of spellings) {
      assertEquals(parse(...args), { ...parse(), ...own }, args.join(" "));
    }
  }
});

Deno.test("options: what flags say together", () => {
  const tls = { scheme: "mqtts", host: "a", port: 8883, path: "" } as const;
  const tlsFiles = { ca: "ca", cert: "c", key: "k" };
  const cases: [args: string[], part: Partial<ListenerOptions>][] = [
    // The last one counts, but topics are gathered.
    [["-q", "9", "-q1", "-q0"], { qos: 0 }],
    [["-u", "ann", "--username=bob"], { username: "bob" }],
    [["-t", "a", "--topic", "b", "-t=a"], {
      topics: ["a", "b"],
      showTopic: true,
    }],
    [["-t", "a/#"], { showTopic: true }],
    [["-t", "a"], { showTopic: false }],
    [["-t", "a", "-T"], { showTopic: true }],
    [["-c", "-i", "x"], { resume: true, clientId: "x", sessionExpiry: 86_400 }],
    [["-c", "-i", "x", "-x", "0"], { sessionExpiry: 0 }],
    [["-c", "-i", "x", "-x", "4294967295"], { sessionExpiry: 4_294_967_295 }],
    [["-V", "5"], { protocolVersion: 5 }],
    [["-V", "auto"], { protocolVersion: "auto" }],
    [["-n", "chat"], { name: "chat", isNameChosen: false }],
    // A flag for TLS makes a bare host encrypted.
    [["-h", "a", "--alpn", "mqtt"], { alpn: "mqtt", brokers: [tls] }],
    [["-h", "a", "--alpn", "x".repeat(255)], { brokers: [tls] }],
    [["-h", "a", "--cafile", "ca", "--cert", "c", "--key", "k"], {
      brokers: [tls],
      tlsFiles,
    }],
  ];
  for (const [args, part] of cases) {
    const options = listener(...args);
    assertEquals({ ...options, ...part }, options, args.join(" "));
  }
  assertEquals(publisher("-t", "a", "-t", "b").topic, "b");
  // An empty message is one.
  assertEquals(publisher("-m", "").message, "");
  assertThrows(() => publisher("--follow", "-m", ""), UsageError);
});

Deno.test("options: several to ignore, but not oneself", () => {
  const args = ["--ignore", "Bob", "--ignore=-x-", "--ignore", "Ada"];
  assertEquals(listener(...args).ignore, ["Bob", "-x-", "Ada"]);
  assertEquals(publisher(...args, "-n", "ada").ignore, ["Bob", "-x-", "Ada"]);
  for (const name of [["-n", "Ada"], ["-u", "Ada"], ["-u", "Bob"]]) {
    const { message } = assertThrows(
      () => publisher(...args, ...name),
      UsageError,
    );
    assertEquals(
      message,
      `--ignore "${name[1]}" is your own name; --name gives you another.`,
    );
  }
  assertThrows(() => listener("--ignore", '"a: b"', "-n", "a: b"), UsageError);
});

Deno.test("options: several brokers, one port, one user", () => {
  const { brokers, username } = listener(
    ...["-h", "mqtt://ann:pw@a", "-h", "b:7", "-h", "ws://c", "-p", "9"],
    ...["-h", "mqtt://d:8"],
  );
  assertEquals(
    brokers.map(({ host, port }) => `${host}:${port}`),
    ["a:9", "b:7", "c:9", "d:8"],
  );
  assertEquals([username, brokers[0].password], ["ann", "pw"]);
  assertEquals(listener("-h", "mqtt://ann@a", "-u", "bob").username, "bob");
});

Deno.test("options: a URL names broker and room, with or without -L", () => {
  const url = "mqtt://a:7/chat/b%C3%BCro%201";
  for (const args of [[url], ["-L", url], [`--url=${url}`]]) {
    const { brokers, topic } = publisher(...args);
    assertEquals([brokers[0].host, brokers[0].port], ["a", 7]);
    assertEquals(topic, "chat/büro 1");
    assertEquals(listener(...args).topics, ["chat/büro 1"]);
  }
  const { brokers, topics } = listener("ws://a/x#chat/%23", "wss://b#chat/%23");
  assertEquals(brokers.map(({ host }) => host), ["a", "b"]);
  assertEquals(topics, ["chat/#"]);
  assertEquals(listener("mqtt://a/%24share/g/b").topics, ["$share/g/b"]);
  assertEquals(publisher("mqtt://a").topic, "chat");
});

Deno.test("options: flags win over a URL", () => {
  const url = "mqtt://ann:pw@a:7/b";
  const login = (...args: string[]) => {
    const { username, password, brokers: [broker] } = publisher(...args);
    return [broker.username ?? username, broker.password ?? password];
  };
  assertEquals(publisher(url, "-t", "c").topic, "c");
  assertEquals(listener("-t", "c", url, "-t", "d").topics, ["c", "d"]);
  assertEquals(publisher(url, "-t", "c").brokers[0].host, "a");
  assertEquals(publisher("mqtt://a/b/%23", "-t", "c").topic, "c");
  assertEquals(publisher(url, "-p", "8").brokers[0].port, 8);
  const { brokers: [broker], topic } = publisher(url, "-h", "c");
  assertEquals([broker.host, broker.port, topic], ["c", 1883, "b"]);
  const logins: [args: string[], login: (string | undefined)[]][] = [
    [[url], ["ann", "pw"]],
    [[url, "-u", "ann"], ["ann", "pw"]],
    [[url, "-u", "bob"], ["bob", undefined]],
    [[url, "-P", "x"], ["ann", "x"]],
    [[url, "-u", "bob", "-P", "x"], ["bob", "x"]],
    [[url, "--password-file", "f"], ["ann", undefined]],
    [[url, "--anonymous"], [undefined, undefined]],
    [["-h", url.replace("/b", ""), "-u", ""], [undefined, undefined]],
  ];
  for (const [args, expected] of logins) {
    assertEquals(login(...args), expected, args.join(" "));
  }
});

Deno.test("options: without a user, the name is chosen or chat", () => {
  for (const none of [["--anonymous"], ["-u", ""], ["--username="]]) {
    const { username, name, isNameChosen } = listener(...none);
    assertEquals([username, name, isNameChosen], [undefined, "chat", false]);
    assertEquals(listener(...none, "-n", "Ann").name, "Ann");
  }
});

Deno.test("options: no error repeats the password of a misplaced URL", () => {
  const url = "mqtt://ann:hunter2@a/#";
  for (const flag of ["-p", "-q", "-k", "--color", "--timeout", "-t"]) {
    const { message } = assertThrows(
      () => parsePublisherArgs([flag, url]),
      UsageError,
      '"mqtt://ann@a/#"',
    );
    assertFalse(message.includes("hunter2"), message);
  }
});

Deno.test("options: the command that arguments stand for", () => {
  const commands: [args: string[], command: string][] = [
    [[], "-N=localhost:1883 publisher.ts"],
    [
      ["-f", "mqtt://a/b", "-n", "Ada B"],
      "-N=a:1883 publisher.ts --follow mqtt://a/b --name 'Ada B'",
    ],
    [
      ["-h", "a", "-h", "[::1]:7", "-m", "it's", "--name=-x-"],
      "'-N=a:1883,[::1]:7' publisher.ts --host a --host '[::1]:7' " +
      "--message 'it'\\''s' --name=-x-",
    ],
    [
      ["-P", "hunter2", "wss://u:hunter2@a?t=hunter2#b"],
      "-N=a:443 publisher.ts 'wss://u@a?…#b'",
    ],
    [["ws://a#why?"], "-N=a:80 publisher.ts 'ws://a#why?'"],
    [
      ["--secret-file", "s", "--cafile", "c", "-f", "--log", "my log"],
      "-N=localhost:8883 -R=s,c '-W=my log' publisher.ts --secret-file s " +
      "--cafile c --follow --log 'my log'",
    ],
  ];
  for (const [args, command] of commands) {
    const request = parsePublisherArgs(args);
    assert(request.action === "run");
    assertEquals(request.command, `deno run ${command}`);
  }
  assertEquals(
    parseListenerArgs(["-t", "a", "--new-secret", "s", "--sealed"]),
    {
      action: "new secret",
      path: "s",
      command: "deno run -W=s listener.ts --topic a --new-secret s --sealed",
      next: "deno run -N=localhost:1883 -R=s listener.ts --topic a " +
        "--secret-file s --sealed",
    },
  );
});

Deno.test("options: help and version need nothing else to be right", () => {
  const help = { action: "help", color: "auto" } as const;
  assertEquals(parseListenerArgs(["--help"]), help);
  assertEquals(parsePublisherArgs(["-q", "9", "x", "--help"]), help);
  for (const color of CHOICES.color) {
    const args = ["--color", color, "--help"];
    assertEquals(parsePublisherArgs(args), { action: "help", color });
  }
  assertEquals(parsePublisherArgs(["--version", "-t", "#"]), {
    action: "version",
  });
  for (const shell of CHOICES.completions) {
    assertEquals(parsePublisherArgs(["-t", "#", "--completions", shell]), {
      action: "completions",
      shell,
    });
  }
  assertEquals(parseListenerArgs(["--completions", "tcsh", "--help"]), help);
});

/** Arguments that can't be followed, and what is said. */
const BOTH_REFUSE: [args: string[], sentence: RegExp][] = [
  [["--bogus"], /^unknown flag --bogus\.$/],
  [["room"], /^"room" belongs to no flag/],
  [["--quiet", "room"], /^"room" belongs to no flag/],
  [["-"], /^"-" belongs to no flag/],
  [["a/b"], /^"a\/b" belongs to no flag; a room is --topic ROOM, or a URL/],
  [["http://a/b"], /^one argument belongs to no flag; a room is --topic/],
  [["mqtt://a/b", "c"], /^one .* no flag; a space in a URL is written %20\.$/],
  [["mqtt://a/b#"], /^the URL does not fit: "#" is written %23\.$/],
  [["-L", "mqtt://a/b?"], /^the URL does not fit: "\?" is written %3F\.$/],
  [["-L", "a"], /^the URL "a" does not fit: it has no scheme; use mqtt, /],
  [["mqtt://a/b/%23/c"], /^the URL's room has a /],
  [["mqtt://a/%00"], /^the URL's room has a control character/],
  [["mqtt://a/b", "mqtt://c/d"], /^the URLs name different rooms; give the/],
  [["mqtt://a/b", "mqtt://c"], /^the URLs name different rooms/],
  [["-t", "mqtt://a:pw@b/c"], /^--topic "mqtt:\/\/a@b\/c" is a URL; give it/],
  [["-h", "mqtt://a/b"], /^--host does not fit: it takes no room; --topic/],
  [["--anonymous", "-u", "a"], /^give --anonymous or --username, not both/],
  [["--anonymous", "-P", "a"], /^--password needs a user; give --username/],
  [["-u=", "--password-file", "a"], /^--password-file needs a user; give/],
  [["--new-secret", "a", "--secret"], /^give --secret or --new-secret, not/],
  [["--new-secret", "a", "--secret-file", "b"], /^give --new-secret or --sec/],
  [["--", "-m", "--help"], /^"-m" belongs to no flag; text with spaces needs /],
  [["-t", ""], /^--topic needs a value\.$/],
  ...["0", "65536", "x", "-1", "1.5", "1e3", "0x10", " 1", "१"]
    .map((text): [string[], RegExp] => [
      [`--port=${text}`],
      /^--port ".*" does not fit: it takes a whole number from 1 to 65535\.$/,
    ]),
  ...["3", "-1", "one", "00"].map((text): [string[], RegExp] => [
    [`--qos=${text}`],
    /^--qos ".*" does not fit: it takes one of 0, 1, 2\.$/,
  ]),
  [["-k", "4"], /^--keepalive "4" does not fit: .* from 5 to 65535\.$/],
  [["-k", "65536"], /^--keepalive "65536" does not fit/],
  [["-V", "4"], /^--protocol-version "4" does not fit: .* auto, 5, 311\.$/],
  [
    ["--color", "yes"],
    /^--color "yes" does not fit: .* auto, always, never\.$/,
  ],
  [
    ["--completions", "tcsh"],
    /^--completions "tcsh" does not fit: it takes one of bash, zsh, fish\.$/,
  ],
  [["--timeout", "0"], /^--timeout "0" does not fit: .*seconds above 0/],
  [["--timeout", "2147484"], /^--timeout "2147484" does not fit/],
  [["-x", "4294967296", "-c", "-i", "a"], /^--session-expiry .* does not fit/],
  [["--resume"], /^--resume needs --id/],
  [["-x", "5"], /^--session-expiry needs --resume\.$/],
  [["-P", "a", "--password-file", "b"], /^give --password or --password-file/],
  [["--secret", "--secret-file", "b"], /^give --secret or --secret-file, not/],
  [["--cert", "c"], /^--cert needs --key\.$/],
  [["--key", "k"], /^--key needs --cert\.$/],
  [["--alpn", "ü"], /^--alpn "ü" does not fit: it takes a name such as mqtt /],
  [["--alpn", "a b"], /^--alpn "a b" does not fit/],
  [["--alpn", "x".repeat(256)], /^--alpn "x+" does not fit/],
  [["--alpn", "mqtt", "-h", "wss://a"], /^--alpn is for mqtts:\/\/; wss:/],
  [["--alpn", "mqtt", "-h", "mqtt://a"], /encrypted connections, mqtt:/],
  [["-h", "a", "-h", "b c"], /^--host "b c" does not fit: it takes a host/],
  [["-h", "a:0"], /^--host "a:0" does not fit/],
  [["-h", "http://a"], /^--host "http:\/\/a" does not fit: .* no scheme http/],
  [
    ["-h", "mqtt://a", "--cafile", "ca"],
    /are for encrypted connections, mqtt:\/\/ is not one; write mqtts:/,
  ],
  [["-u", "a\u0007b"], /^--username "a\\u0007b" has a control character/],
  [["-i", "x".repeat(70_000)], /^--id "x/],
  [["-n", "x".repeat(300)], /^--name takes 256 characters at most, not 300/],
  [["-t", "a\nb"], /^--topic "a\\nb" has a control character/],
  [["-t", "a/#/b"], /^--topic "a\/#\/b" has a /],
];

const LISTENER_REFUSES: typeof BOTH_REFUSE = [
  [["-t", "a", "-t", "b", "--history", "3"], /^--history is for one room/],
  [["-t", "$share/g/a", "--keep", "3"], /^--keep needs the whole room/],
  [["-t", "a", "-t", "b#"], /^--topic "b#" has a wildcard that is not/],
  [["-t", "a/#", "--history", "3"], /^--history is for one room/],
  [["--keep", "0"], /^--keep "0" does not fit/],
  [["--keep", "501"], /^--keep "501" does not fit/],
  [["--history", "501"], /^--history "501" does not fit/],
  [["-C", "0"], /^--count "0" does not fit/],
  [["-C", "9007199254740992"], /^--count "9007199254740992" does not fit/],
  [["--only", "notices"], /^--only "notices" does not fit: .* mentions\.$/],
  [["--only", "mentions"], /^--only mentions needs --name, to look for\.$/],
  [["-T", "chat/x"], /^-T is --show-topic here; mosquitto_sub's -T FILTER/],
  [["-W", "0"], /^--wait "0" does not fit/],
  [["-W=-1"], /^--wait "-1" does not fit/],
];

const PUBLISHER_REFUSES: typeof BOTH_REFUSE = [
  [["-f", "-m", "x"], /^give --follow or --message, not both\.$/],
  [["-s", "-m", "x"], /^give --stdin-file or --message, not both\.$/],
  [["-l", "-s"], /^give --stdin-line or --stdin-file, not both\.$/],
  [["-f", "-s"], /^give --stdin-file or --follow, not both\.$/],
  [["-f", "text"], /^-f is --follow here; mosquitto_pub's -f FILE .* < FILE/],
  [["-n"], /^-n is --name NAME here; mosquitto_pub's -n/],
  [["-n", "-t", "a"], /^-n is --name NAME here; mosquitto_pub's -n/],
  [["--name"], /^--name needs a value\.$/],
  [["--log", "a"], /^--log needs --follow\.$/],
  [["--history", "3"], /^--history needs --follow\.$/],
  [["-t", "chat/#"], /^--topic "chat\/#" has a wildcard, \+ or #/],
  [["mqtt://a/chat/%23"], /^the URL's room has a wildcard, \+ or #; mess/],
  [["-t", "$share/g/a"], /^--topic "\$share\/g\/a" is shared with other/],
  [["mqtt://a/$share/g/a"], /^the URL's room is shared with other readers; w/],
  [["-m", "see", "http://a/b"], /^one argument .* text with spaces needs/],
  [["-t", "chat/+"], /^--topic "chat\/\+" has a wildcard, \+ or #/],
  [["-m"], /^--message needs a value/],
  [["-m", "hello", "world"], /^"world" belongs to no flag/],
];

Deno.test("options: what can't be followed, in one sentence", () => {
  const refused = [
    ...[...BOTH_REFUSE, ...LISTENER_REFUSES]
      .map((refusal) => [parseListenerArgs, ...refusal] as const),
    ...[...BOTH_REFUSE, ...PUBLISHER_REFUSES]
      .map((refusal) => [parsePublisherArgs, ...refusal] as const),
  ];
  for (const [parse, args, sentence] of refused) {
    const said = JSON.stringify(args);
    const { message } = assertThrows(
      () => void parse(args),
      UsageError,
      undefined,
      said,
    );
    assertMatch(message, sentence);
    assertMatch(message, /^[^\n]+\.$/);
  }
});
