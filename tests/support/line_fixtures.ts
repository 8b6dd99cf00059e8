/**
 * Rooms without a broker: publications to show, readers that show them, and what
 * must never be in a line.
 */

import {
  joinNotice,
  leaveNotice,
  type Payload,
  type PresenceChange,
  type Received,
  timeoutNotice,
} from "../../lib/protocol.ts";
import { renderJson } from "../../lib/room/json.ts";
import type { Roster } from "../../lib/room/members.ts";
import { Reader, type ReaderOptions } from "../../lib/room/room.ts";
import type { Gathered } from "../../lib/room/gather.ts";
import { mentionOf, type Note, renderLine } from "../../lib/room/line.ts";
import { RoomView, type ViewOptions } from "../../lib/room/view.ts";
import { TestClock } from "./clock.ts";

export const ROOM = "chat/room";
export const TIME = new Date("2026-01-02T03:04:05.678Z");

/** Uncoloured lines without the topic, all at the same time. */
export const PLAIN = {
  color: false,
  showTopic: false,
  formatTime: () => "14:03:22",
};
/** Uncoloured lines with the topic. */
export const TOPIC = { ...PLAIN, showTopic: true };
/** Coloured lines with the topic, read by alice. */
export const COLOR = { ...TOPIC, color: true, self: "alice" };

/** Raw control characters, line separators, bidi controls, noncharacters. */
export const HARMFUL =
  /[\p{Cc}\p{Cs}\u2028-\u202E\u2066-\u206F\u200E\u200F\u061C\uFFF9-\uFFFB\p{Noncharacter_Code_Point}]/u;

/** The sequences that a coloured line may have. */
// deno-lint-ignore no-control-regex -- ESC is what such a sequence begins with
const SGR = /\x1b\[(?:38;5;\d+|39|1|2|22|3|23|4|24|7|27)m/g;

export const utf8 = (text: string) => new TextEncoder().encode(text);

export const received = (
  payload: Received["payload"],
  topic = ROOM,
): Received => ({
  ...{ topic, payload, receivedAt: TIME },
  ...{ qos: 1, retain: false, duplicate: false },
});

export function view(options: Partial<ViewOptions> = {}) {
  const lines: string[] = [];
  const notifications: string[] = [];
  const clock = new TestClock();
  const room = new RoomView({
    ...PLAIN,
    json: false,
    clock,
    ...options,
    write: (line) => {
      const { notification, rest } = notified(line);
      if (notification) notifications.push(notification);
      lines.push(rest);
    },
  });
  return { room, lines, notifications, clock };
}

/** Takes the notifications out of a line that rings. */
function notified(line: string) {
  const end = line.lastIndexOf("\x07") + 1;
  if (end < 2) return { rest: line };
  return { notification: line.slice(1, end), rest: line[0] + line.slice(end) };
}

export const message = (message: string, from = "alice"): Payload =>
  ({ type: "message", from, message }) as const;
export const notice = (notice: string, from = "bob"): Payload =>
  ({ type: "notice", from, notice }) as const;
export const joined = (name: string, topic = ROOM) =>
  notice(joinNotice(name, topic), name);
export const left = (name: string, topic = ROOM) =>
  notice(leaveNotice(name, topic), name);
export const lost = (name: string) => notice(timeoutNotice(name), name);
export const line = (payload: Received["payload"], options = PLAIN) =>
  renderLine(received(payload), options);

/** Who came and went in chat/room: the names by what they did. */
export function crowd(
  changes: Partial<Record<PresenceChange, string[]>>,
): Gathered {
  const people = Object.entries(changes).flatMap(([change, names]) =>
    names.map((name) => [name, change as PresenceChange] as const)
  );
  return { type: "people", topic: "chat/room", people: new Map(people) };
}

export const escape = (char: string) =>
  `<U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}>`;

/** Fails unless every way to show a publication is one harmless line. */
export function assertHarmless(what: Received) {
  const mention = mentionOf("a");
  const color = { ...COLOR, color: !Deno.noColor, mention };
  const colored = renderLine(what, color).replace(SGR, "");
  for (const shown of [renderLine(what, TOPIC), colored, renderJson(what)]) {
    if (!HARMFUL.test(shown)) continue;
    throw new Error(JSON.stringify([what.payload, shown]));
  }
}

export const gap = (
  seconds: number,
  mayMiss: boolean,
  broker = "a:1883",
): Note => ({ type: "gap", seconds, broker, mayMiss });

export const NOTES: [Note, string][] = [
  [gap(2.34, false), "Connected to a:1883 after 2.3 s without a connection."],
  [
    gap(0.04, true),
    "Connected to a:1883 after 0.0 s without a connection. " +
    "Messages may be missing here.",
  ],
  [
    { type: "dropped", count: 1 },
    "1 line dropped here: the output was too slow for them.",
  ],
  [
    { type: "dropped", count: 12_000 },
    "12000 lines dropped here: the output was too slow for them.",
  ],
  [{ type: "missed", count: 0 }, "0 messages came while you were away."],
  [{ type: "missed", count: 1 }, "1 message came while you were away."],
];

export const STAMP = /\d\d:\d\d:\d\d /;

/** What readers of the room have in common. */
export const READER = {
  ...{ topics: [ROOM], name: "me", username: "chat", qos: 1, announce: true },
  ...{ json: false, color: false, showTopic: false, resume: false },
  ...{ gather: false, timeout: 10 },
} satisfies Partial<ReaderOptions>;

/** A reader of the room; its lines without their times, and its warnings. */
export function read(options: Partial<ReaderOptions> = {}) {
  const lines: string[] = [];
  const reader = new Reader({
    ...READER,
    announce: false,
    gather: true,
    clock: new TestClock(Date.now()),
    ...options,
    write: (line) => lines.push(notified(line).rest.replace(STAMP, "")),
    warn: (sentence) => lines.push(sentence),
  });
  return { reader, lines };
}

/** The names of those who were seen, the most recent first. */
export const namesIn = (roster: Roster) =>
  roster.list().map(({ name }) => name);
