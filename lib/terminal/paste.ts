/**
 * What comes from a terminal → keys and pastes, told apart by the marks of
 * bracketed paste (`ESC [ 200 ~` … `ESC [ 201 ~`, as xterm defines it). Pure
 * state.
 *
 * @module
 */

/** A piece of what comes from a terminal. */
export interface Input {
  /** Whether it was typed or pasted. */
  type: "keys" | "paste";
  /** The text; for keys with their escape sequences. */
  text: string;
}

/** What turns the marks on in a terminal that has them. */
export const BEGIN_BRACKETED = "\x1b[?2004h";

/** What turns them off. */
export const END_BRACKETED = "\x1b[?2004l";

const CTRL_C = "\x03";
const START = "\x1b[200~";
const END = "\x1b[201~";

/** The parts of the marks that the rest may follow. Outside ESC is a key. */
const STARTS = [2, 3, 4, 5].map((length) => START.slice(0, length));
const ENDS = [1, 2, 3, 4, 5].map((length) => END.slice(0, length));

/**
 * Three lines at once: nobody types that fast, so it is the paste of a terminal
 * without the marks.
 */
const SEVERAL_LINES = /(?:[\r\n]+[^\r\n]+){2}[\r\n]/;

/** Tells keys and pastes apart. */
export class PasteSplitter {
  #rest = "";
  #pasted: string | undefined;

  /**
   * Takes what came.
   *
   * @param text Any piece of the terminal's input.
   * @returns The keys and pastes that are complete, in order.
   */
  split(text: string): Input[] {
    const inputs: Input[] = [];
    // The end mark was lost, and somebody wants to get out.
    if (text === CTRL_C) this.#pasted = undefined;
    let left = this.#rest + text;
    this.#rest = "";
    while (left !== "") {
      const isKeys = this.#pasted === undefined;
      const mark = isKeys ? START : END;
      const at = left.indexOf(mark);
      if (at === -1) {
        const parts = isKeys ? STARTS : ENDS;
        this.#rest = parts.find((part) => left.endsWith(part)) ?? "";
        const end = left.length - this.#rest.length;
        this.#take(left.slice(0, end), inputs);
        break;
      }
      this.#take(left.slice(0, at), inputs);
      left = left.slice(at + mark.length);
      if (this.#pasted !== undefined) {
        inputs.push({ type: "paste", text: this.#pasted });
        this.#pasted = undefined;
      } else {
        this.#pasted = "";
      }
    }
    return inputs;
  }

  #take(text: string, inputs: Input[]): void {
    if (this.#pasted !== undefined) this.#pasted += text;
    else if (text !== "") {
      const isPaste = SEVERAL_LINES.test(text);
      inputs.push({ type: isPaste ? "paste" : "keys", text });
    }
  }
}
