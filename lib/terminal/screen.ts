/**
 * A terminal with an area at its bottom: lines flow above, the area stays. What
 * happens within one write goes out together with the next one, so that a flood
 * costs few writes, a single line no delay, and what is typed is seen between
 * the parts of a flood.
 *
 * @module
 */

import {
  type Area,
  type AreaContent,
  drawArea,
  eraseArea,
  layOut,
  NO_AREA,
  type TerminalSize,
} from "./area.ts";
import { type ByteSink, LineQueue, Pump, WRITE_LENGTH } from "./output.ts";
import { wrapLine } from "./wrap.ts";

/** How a screen is written. */
export interface ScreenOptions {
  /** The terminal. */
  sink: ByteSink;
  /** Tells its size now. */
  size: () => TerminalSize;
  paint: (prompt: string) => string;
  /** Makes the line to show in place of lines dropped. */
  onDropped: (count: number) => string;
  /** How much text may wait for a slow terminal, in UTF-16 code units. */
  maxWaiting?: number;
}

const CLEAR_SCREEN = "\x1b[2J\x1b[H";

/** Lines above, an area below. */
export class Screen {
  readonly #options: ScreenOptions;
  readonly #queue: LineQueue;
  readonly #pump: Pump;
  #content?: AreaContent;
  /** What was laid out last, and how: in a flood it is the same many times. */
  #laidOut?: { content: AreaContent; size: TerminalSize; area: Area };
  #drawn: Area = NO_AREA;
  #isCleared = false;
  /** Whether the area is not as it should be. */
  #isStale = false;
  /** Called when the frame under way is on the screen. */
  #onShown?: () => void;

  constructor(options: ScreenOptions) {
    this.#options = options;
    this.#queue = new LineQueue(options.onDropped, options.maxWaiting);
    this.#pump = new Pump(options.sink, () => this.#next());
  }

  /** Shows a line above the area. */
  show(line: string): void {
    this.#pump.feed(this.#queue, line);
  }

  /** Changes what stands in the area. */
  draw(content: AreaContent): void {
    this.#content = content;
    this.refresh();
  }

  /** Draws the area again, as after the terminal changed its size. */
  refresh(): void {
    this.#isStale = true;
    this.#pump.start();
  }

  /** Begins anew where the cursor is: others have written to the terminal. */
  begin(): void {
    this.#drawn = NO_AREA;
    this.refresh();
  }

  /** Clears the screen; the area moves to its top. */
  clear(): void {
    this.#isCleared = true;
    this.refresh();
  }

  /**
   * Takes the area away. Settles when it is gone, while lines may still wait, or
   * when the terminal is.
   */
  async endArea(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#content = undefined;
    this.#onShown = resolve;
    this.refresh();
    await Promise.race([promise, this.#pump.broken]);
  }

  /** Settles when all is written, or can't be any more. */
  flushed(): Promise<void> {
    return this.#pump.flushed();
  }

  /** What to write next; nothing when the screen is as it should be. */
  #next(): string | undefined {
    if (!this.#isStale) {
      // The frame before this one is written.
      this.#onShown?.();
      this.#onShown = undefined;
      if (this.#queue.isEmpty) return undefined;
    }
    return this.#frame();
  }

  /** One write: the area gone, lines, the area again. */
  #frame(): string {
    const { size, paint } = this.#options;
    const now = size();
    const lines = this.#queue.take(WRITE_LENGTH);
    let frame = eraseArea(this.#drawn, now.columns);
    if (this.#isCleared) frame += CLEAR_SCREEN;
    frame += lines.map((line) => `${wrapLine(line, now.columns)}\r\n`).join("");
    const content = this.#content;
    this.#drawn = content ? this.#layOut(content, now) : NO_AREA;
    if (content) frame += drawArea(this.#drawn, content.prompt, paint);
    this.#isStale = false;
    this.#isCleared = false;
    return frame;
  }

  #layOut(content: AreaContent, size: TerminalSize): Area {
    const last = this.#laidOut;
    const isSame = last?.content === content && last.size.rows === size.rows &&
      last.size.columns === size.columns;
    if (isSame) return last.area;
    const area = layOut(content, size);
    this.#laidOut = { content, size, area };
    return area;
  }
}
