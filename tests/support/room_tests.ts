/** A room of the embedded broker, for tests of the scripts in it. */

import { assertMatch } from "@std/assert";
import type { RunningBroker } from "../../lib/broker/broker.ts";
import { openBroker, TOPIC } from "./brokers.ts";
import { Peer } from "./peers.ts";

interface Room {
  broker: RunningBroker;
  /** Another member, who reads the room unless a test names filters. */
  peer: Peer;
}

type Play = (room: Room) => Promise<void>;
type Register = (name: string, fn: () => Promise<void>) => void;

/** Registers tests of a subject in a room, perhaps through a gate. */
export const roomTests =
  (subject: string, register: Register = Deno.test, usual = [TOPIC]) =>
  (name: string, play: Play, filters = usual): void =>
    register(`${subject}: ${name}`, async () => {
      await using broker = await openBroker();
      await using peer = await Peer.connect(broker, ...filters);
      await play({ broker, peer });
    });

export async function nextPayload(peer: Peer) {
  return JSON.parse((await peer.next()).text);
}

/** The lines of a listener without their times, of which none is missing. */
export function linesOf({ stdout }: { stdout: string }): string[] {
  return stdout.split("\n").slice(0, -1).map((line) => {
    assertMatch(line, /^\d\d:\d\d:\d\d /);
    return line.slice("00:00:00 ".length);
  });
}

/** The objects that lines of JSON have, such as a listener's with --json. */
export const objectsOf = ({ stdout }: { stdout: string }) =>
  stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
