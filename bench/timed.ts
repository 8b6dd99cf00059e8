/**
 * A process under GNU time, which alone can tell the memory of one that has
 * ended: Linux counts into the memory of a new process what its parent had at
 * the moment of the fork, and GNU time has little. Effects.
 *
 * @module
 */

import type { Command, Ends, Running } from "./processes.ts";
import type { Setting } from "./setting.ts";

/** A process whose memory is told at its end. */
export interface Timed {
  /** The process: where GNU time is there, that with the program below it. */
  process: Running;
  /** The most memory it had, in bytes, once it has ended. */
  peakRss: () => Promise<number | undefined>;
}

/**
 * Starts a process.
 *
 * @param setting Whether there is GNU time; without it no memory is told.
 * @param command What to start.
 * @param ends Which ends are wanted.
 * @returns The process.
 */
export function timed(setting: Setting, command: Command, ends?: Ends): Timed {
  const { processes, hasTime, folder } = setting;
  if (!hasTime) {
    const process = processes.start(command, ends);
    return { process, peakRss: () => Promise.resolve(undefined) };
  }
  const report = `${folder}/time-${crypto.randomUUID()}`;
  const process = processes.start({
    file: "time",
    args: ["-f", "%M", "-o", report, command.file, ...command.args],
    cwd: command.cwd,
  }, ends);
  const peakRss = async () => {
    await process.ended;
    // A line before it tells of an exit code that is not 0.
    const text = await Deno.readTextFile(report);
    return Number(text.trim().split("\n").at(-1)) * 1024;
  };
  return { process, peakRss };
}
