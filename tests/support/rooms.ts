/** Rooms that are read without a broker, and who is seen in them. */

import { Reader, type ReaderOptions } from "../../lib/room/room.ts";
import { notified } from "./line_fixtures.ts";
import { TestClock } from "./clock.ts";
import type { Roster } from "../../lib/room/members.ts";

export const ROOM = "chat/room";

export const TIME = /\d\d:\d\d:\d\d /;

/** A reader of the room; its lines without their times, and its warnings. */
export function read(options: Partial<ReaderOptions> = {}) {
  const lines: string[] = [];
  const reader = new Reader({
    topics: [ROOM],
    name: "me",
    username: "chat",
    qos: 1,
    announce: false,
    json: false,
    color: false,
    showTopic: false,
    resume: false,
    timeout: 10,
    gather: true,
    clock: new TestClock(Date.now()),
    ...options,
    write: (line) => lines.push(notified(line).rest.replace(TIME, "")),
    warn: (sentence) => lines.push(sentence),
  });
  return { reader, lines };
}

/** The names of those who were seen, the most recent first. */
export const namesIn = (roster: Roster) =>
  roster.list().map(({ name }) => name);
