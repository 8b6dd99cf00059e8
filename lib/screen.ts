/**
 * A terminal with an area at its bottom: lines flow above, the area stays. What
 * happens within one write goes out together with the next one, so that a flood
 * costs few writes, a single line no delay, and what is typed is seen between
 * the parts of a flood.
 *
 * @module
 */

import { LineQueue } from "./line_queue.ts";
import {
  type Area,
  type AreaInput,
  drawArea,
  eraseArea,
  layOut,
  NO_AREA,
  type TerminalSize,
} from "./prompt_area.ts";
import type { ByteSink } from "./terminal.ts";

/** How a screen is written. */
export interface ScreenOptions {
  /** The terminal. */
  sink: ByteSink;
  /** Tells its size now. */
  size: () => TerminalSize;
  /** Colours the prompt. */
  paint: (prompt: string) => string;
  /** Makes the line to show in place of lines dropped. */
  onDropped: (count: number) => string;
  /** How much text may wait for a slow terminal, in UTF-16 code units. */
  maxWaiting?: number;
}

/** How much text goes out at a time, in UTF-16 code units. */
const FRAME_LENGTH = 64 * 1024;

/** Clears the visible screen, the cursor goes to its top. */
const CLEAR_SCREEN = "\x1b[2J\x1b[H";

/** Lines above, an area below. */
export class Screen {
  readonly #options: ScreenOptions;
  readonly #encoder = new TextEncoder();
  readonly #queue: LineQueue;
  #input?: AreaInput;
  /** What was laid out last, and how: in a flood it is the same many times. */
  #laidOut?: { input: AreaInput; size: TerminalSize; area: Area };
  #drawn: Area = NO_AREA;
  #isCleared = false;
  /** Whether the area is not as it should be. */
  #isStale = false;
  #writing?: Promise<void>;
  #isBroken = false;

  /**
   * Makes it; nothing is written yet.
   *
   * @param options How.
   */
  constructor(options: ScreenOptions) {
    this.#options = options;
    this.#queue = new LineQueue(options.maxWaiting);
  }

  /**
   * Shows a line above the area.
   *
   * @param line The text, without a newline.
   */
  show(line: string): void {
    if (this.#isBroken) return;
    this.#queue.add(line);
    if (this.#writing) this.#queue.trim();
    this.#update();
  }

  /**
   * Changes what stands in the area.
   *
   * @param input What; nothing takes the area away.
   */
  draw(input?: AreaInput): void {
    this.#input = input;
    this.refresh();
  }

  /** Draws the area again, as after the terminal changed its size. */
  refresh(): void {
    this.#isStale = true;
    this.#update();
  }

  /** Clears the screen; the area moves to its top. */
  clear(): void {
    this.#isCleared = true;
    this.refresh();
  }

  /** Settles when all is written, or can't be any more. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  #update(): void {
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#isStale || this.#isCleared || !this.#queue.isEmpty) {
        let bytes = this.#encoder.encode(this.#frame());
        while (bytes.length > 0) {
          bytes = bytes.subarray(await this.#options.sink.write(bytes));
        }
      }
    } catch {
      // The terminal has gone; its end of input ends the program.
      this.#isBroken = true;
    }
    this.#writing = undefined;
  }

  /** What to write next. */
  #frame(): string {
    const { size, paint, onDropped } = this.#options;
    const now = size();
    const { dropped, lines } = this.#queue.take(FRAME_LENGTH);
    if (dropped > 0) lines.unshift(onDropped(dropped));
    let frame = eraseArea(this.#drawn, now.columns);
    if (this.#isCleared) frame += CLEAR_SCREEN;
    frame += lines.map((line) => `${line}\r\n`).join("");
    const input = this.#input;
    this.#drawn = input ? this.#layOut(input, now) : NO_AREA;
    if (input) frame += drawArea(this.#drawn, input.prompt, paint);
    this.#isStale = false;
    this.#isCleared = false;
    return frame;
  }

  #layOut(input: AreaInput, size: TerminalSize): Area {
    const last = this.#laidOut;
    const isSame = last?.input === input && last.size.rows === size.rows &&
      last.size.columns === size.columns;
    if (isSame) return last.area;
    const area = layOut(input, size);
    this.#laidOut = { input, size, area };
    return area;
  }
}
