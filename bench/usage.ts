/**
 * What Linux says of a process's time and memory, read from its text. Pure.
 *
 * @module
 */

/** What a process has used. */
export interface Usage {
  /** Time on a processor, of all its threads, in milliseconds. */
  cpu: number;
  /** Resident memory now, in bytes. */
  rss: number;
  /** Of it, what no other process can share: not of a file. */
  ownRss: number;
  /** The most resident memory since the program was loaded, in bytes. */
  peakRss: number;
}

/** The ticks of /proc/PID/stat: 100 a second in all of Linux's user space. */
const TICK_MS = 10;

/**
 * Reads /proc/PID/status and /proc/PID/stat.
 *
 * @param text Those of one process or of several, each status before its stat.
 * @returns The numbers, in the same order.
 */
export function parseUsage(text: string): Usage[] {
  // The name, in brackets, may hold anything; no line of a status looks so.
  const stats = [...text.matchAll(/^\d+ \(.*\) [A-Z](?: -?\d+)+$/gm)];
  const rss = bytesOf(text, "VmRSS");
  const ownRss = bytesOf(text, "RssAnon");
  const peakRss = bytesOf(text, "VmHWM");
  return stats.map(([stat], index) => {
    // proc_pid_stat(5): utime and stime are fields 14 and 15, the state is 3.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[14 - 3]) + Number(fields[15 - 3]);
    return {
      cpu: ticks * TICK_MS,
      rss: rss[index],
      ownRss: ownRss[index],
      peakRss: peakRss[index],
    };
  });
}

/** The values of one field in all the statuses. */
function bytesOf(text: string, field: string): number[] {
  const pattern = new RegExp(`^${field}:\\s*(\\d+) kB$`, "gm");
  return [...text.matchAll(pattern)].map(([, value]) => Number(value) * 1024);
}
