/**
 * Packets that are written within one turn of the event loop, as one write.
 * MQTT.js writes a packet in up to ten parts, each through Node's stream
 * machinery, and a packet by itself; that and a system call a packet were half
 * of what sending and acknowledging cost (measured).
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";

/** The part of a Node stream that matters here. */
export interface Writing {
  /** Whether it has asked to wait for `drain`. */
  readonly writableNeedDrain: boolean;
  /** Writes some bytes. */
  write(part: Uint8Array | string): boolean;
  /** Holds parts back; not needed any more. */
  cork?: () => void;
  /** Ends it. */
  // deno-lint-ignore no-explicit-any -- as Node has it: many forms, passed on
  end(...args: any[]): unknown;
}

/** The most bytes of UTF-8 that a UTF-16 code unit takes. */
const MAX_BYTES_PER_UNIT = 3;

/** How much is gathered at a time, in bytes. */
const BATCH_BYTES = 16 * 1024;

/**
 * Gathers what is written to a stream until the turn ends.
 *
 * @param stream The stream.
 */
export function batchWrites(stream: Writing): void {
  const write = stream.write.bind(stream);
  const end = stream.end.bind(stream);
  // Copied into at once: mqtt-packet may use the parts again.
  const batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
  let size = 0;
  const flush = () => {
    if (size > 0) write(Buffer.copyBytesFrom(batch, 0, size));
    size = 0;
  };
  stream.write = (part) => {
    const isText = typeof part === "string";
    const most = part.length * (isText ? MAX_BYTES_PER_UNIT : 1);
    if (size + most > BATCH_BYTES) {
      const large = isText ? Buffer.from(part) : part;
      const before = batch.subarray(0, size);
      size = 0;
      write(Buffer.concat([before, large]));
      return !stream.writableNeedDrain;
    }
    if (size === 0) setImmediate(flush);
    if (isText) size += batch.write(part, size);
    else {
      batch.set(part, size);
      size += part.length;
    }
    return !stream.writableNeedDrain;
  };
  stream.end = (...args) => {
    flush();
    return end(...args);
  };
  // mqtt-packet corks a stream that can be, which takes a tick a packet.
  stream.cork = undefined;
}
