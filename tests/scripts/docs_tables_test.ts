import { assert, assertEquals } from "@std/assert";
import { EXIT } from "../../lib/cli/exit.ts";
import { type Flag, flagsOf } from "../../lib/cli/flags.ts";
import { parseUrl } from "../../lib/mqtt/address.ts";
import {
  joinNotice,
  leaveNotice,
  renameNotice,
  timeoutNotice,
} from "../../lib/protocol.ts";
import { renderJsonNote } from "../../lib/room/json.ts";
import { type Note, renderNote } from "../../lib/room/line.ts";
import { hostOf, openBroker } from "../support/brokers.ts";
import { KEY } from "../support/keys.ts";
import { page } from "../support/markdown.ts";
import { start } from "../support/processes.ts";

/** A table's rows of flags, as `--help` writes them, and their last cells. */
function flagTable(heading: string): Map<string, string> {
  return new Map(
    page("docs/flags.md").table(heading)
      .map((cells) => [cells[0].replaceAll("`", ""), cells.at(-1)!]),
  );
}

Deno.test("docs: the tables have every flag, and no other", () => {
  const listeners = flagsOf("listener").map(spelling);
  const publishers = flagsOf("publisher").map(spelling);
  const only = (mine: string[], others: string[]) =>
    mine.filter((flag) => !others.includes(flag));
  const tables = {
    "Both scripts": listeners.filter((flag) => publishers.includes(flag)),
    Listener: only(listeners, publishers),
    Publisher: only(publishers, listeners),
  };
  for (const [heading, flags] of Object.entries(tables)) {
    const rows = [...flagTable(heading).keys()];
    assertEquals(rows.toSorted(), flags.sort(), heading);
  }
});

/** A flag as `--help` and the tables write it. */
function spelling({ short, long, value }: Flag): string {
  return `${short ? `-${short}, ` : ""}--${long}${value ? ` ${value}` : ""}`;
}

Deno.test("docs: the tables have the defaults of the help", () => {
  const heading = { listener: "Listener", publisher: "Publisher" };
  for (const script of ["listener", "publisher"] as const) {
    const both = flagTable("Both scripts");
    const own = flagTable(heading[script]);
    for (const flag of flagsOf(script)) {
      // A few differ between the scripts, and the table has both.
      if (flag.long === "history") continue;
      const name = spelling(flag);
      const shown = (own.get(name) ?? both.get(name))!.replaceAll("`", "");
      const [, value = ""] = /\[default: (.*)\]$/.exec(flag.help) ?? [];
      assertEquals(shown, value, name);
    }
  }
});

Deno.test("docs: the URLs of the table name its rooms", () => {
  const rows = page("docs/flags.md").table("A room is a URL")
    .map((cells) => cells.map((cell) => cell.replaceAll("`", "")));
  assert(rows.length > 5);
  for (const [url, room] of rows) {
    assertEquals(parseUrl(url).room ?? "chat", room, url);
  }
});

Deno.test("docs: the table has every exit code", () => {
  const codes = page("docs/output.md").table("Exit codes")
    .map(([code]) => Number(code));
  assertEquals(codes, Object.values(EXIT).sort());
});

const GAP = {
  type: "gap",
  broker: "localhost:1883",
  mayMiss: false,
} as const;

/** What the pages show of the listener's own lines. */
const NOTES: Note[] = [
  { ...GAP, seconds: 3.2, mayMissQoS0: true },
  { ...GAP, seconds: 9.7, mayMiss: true },
  { ...GAP, seconds: 4.1, mayMissQoS0: false, fetched: 3 },
  { type: "history", count: 2 },
  { type: "history", count: 0 },
  { type: "now" },
  { type: "dropped", count: 311 },
  { type: "lost", from: "Ada", count: 8_247, topic: "chat/room" },
  { type: "another", from: "Ada", key: KEY },
  { type: "forgotten" },
  { type: "unchecked" },
];

Deno.test("docs: the listener's own lines are as it writes them", () => {
  const text = ["output", "delivery", "rooms"]
    .map((name) => page(`docs/${name}.md`).text).join("");
  for (const note of NOTES) {
    const options = { color: false, formatTime: () => "" };
    const line = renderNote(note, new Date(), options).trim();
    assert(text.includes(line), line);
  }
});

Deno.test("docs: the table has the members of the listener's own JSON", () => {
  const table = new Map(
    page("docs/output.md").table("Lines of the listener")
      .map(([type, members]) => [type.replaceAll("`", ""), members]),
  );
  const notes: Note[] = [
    { ...GAP, seconds: 4.1, mayMissQoS0: false, fetched: 3 },
    { type: "lost", from: "Ada", count: 2, topic: "chat/room" },
    { type: "another", from: "Ada", key: KEY },
    { type: "forgotten" },
    { type: "unchecked" },
    { type: "uncounted" },
    { type: "dropped", count: 2 },
    { type: "missed", count: 2 },
  ];
  assertEquals([...table.keys()], notes.map(({ type }) => type));
  for (const note of notes) {
    const { receivedAt: _, type, ...others } = JSON.parse(
      renderJsonNote(note, new Date()),
    );
    const members = Object.keys(others).map((name) => `\`${name}\``);
    const listed = table.get(type)!.split(", ").filter(Boolean);
    assertEquals(listed.sort(), members.sort(), type);
  }
});

Deno.test("docs: the README's users may read and write as it says", async () => {
  await using broker = await openBroker();
  const users = page("README.md").table("With Mosquitto")
    .map((cells) => cells.map((cell) => cell.replaceAll("`", "")));
  assertEquals(users.length, 3);
  for (const [user, password, rights] of users) {
    const parent = rights === "everything" ? "any" : rights.split(" ")[0];
    const login = ["-h", hostOf(broker), "-u", user, "-P", password];
    const room = ["-t", `${parent}/room`];
    await using listener = start("listener.ts", [...login, ...room]);
    // Its own notice has come back: it may write there, and read.
    await listener.stdout.line(/now subscribed/);
  }
});

Deno.test("docs: the standard notices are what we send and read", () => {
  const room = "chat/room";
  const rows = page("docs/wire-format.md").table("Notices")
    .map(([meaning, notice]) => [meaning, notice.replaceAll("`", "")]);
  assertEquals(rows, [
    ["joined", joinNotice("Ada", room)],
    ["left", leaveNotice("Ada", room)],
    ["lost", timeoutNotice("Ada")],
    ["renamed", renameNotice("Ada", "Countess")],
  ]);
});
