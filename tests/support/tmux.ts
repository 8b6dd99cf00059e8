/** A terminal in tmux: types into programs and reads what they show. */

import { becomesTrue, PATIENCE_MS } from "./patience.ts";
import { ROOT } from "./processes.ts";

interface Size {
  columns: number;
  rows: number;
}

interface TerminalOptions extends Partial<Size> {
  /** The folder of its shell; the project's by default. */
  folder?: string;
  /** A command of the shell's, before there is anything on the screen. */
  setup?: string;
  /** By default a type that every system knows. */
  term?: string;
}

/**
 * A terminal in a tmux server of its own, without configuration. Disposing of it
 * ends the server, and hangs up on what runs in it.
 */
export class Terminal implements AsyncDisposable {
  readonly #socket = `mqtt-chat-${crypto.randomUUID()}`;

  private constructor() {}

  /** Opens one with a shell whose prompt is `$ ` and nothing on the screen. */
  static async open(options: TerminalOptions = {}): Promise<Terminal> {
    const terminal = new Terminal();
    try {
      await terminal.#start(options);
      return terminal;
    } catch (error) {
      await terminal[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(
    { columns = 80, rows = 24, folder = ROOT.pathname, ...options }:
      TerminalOptions,
  ): Promise<void> {
    const { setup = ":", term = "screen-256color" } = options;
    await this.run(
      ...["new-session", "-d", "-c", folder, "-x", `${columns}`],
      // ENV names a file of the shell's that may change the prompt.
      ...["-y", `${rows}`, "env", "-u", "NO_COLOR", "-u", "ENV"],
      ...[`TERM=${term}`, "PS1=setup> ", "sh"],
    );
    await this.enter(`${setup}; PS1='$ '; printf '\\033[H\\033[2J'`);
    await this.until(/^\$\s*$/);
  }

  async run(...args: string[]): Promise<string> {
    // -u: what is shown is UTF-8, whatever the locale says.
    const command = new Deno.Command("tmux", {
      args: ["-u", "-L", this.#socket, "-f", "/dev/null", ...args],
      stdin: "null",
    });
    const { success, stdout, stderr, signal } = await command.output();
    if (success) return new TextDecoder().decode(stdout);
    const reason = signal
      ? `it was ended by ${signal}`
      : new TextDecoder().decode(stderr).trim();
    throw new Error(`Could not run tmux ${args[0]}: ${reason}.`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // tmux leaves its socket behind.
    await this.run("run-shell", "rm -f '#{socket_path}'", ";", "kill-server")
      .catch(() => {}); // it ends by itself with its shell
  }

  async type(text: string): Promise<void> {
    await this.run("send-keys", "-l", "--", text);
  }

  /** Presses keys, named as tmux names them: `Enter`, `C-c`. */
  async press(...keys: string[]): Promise<void> {
    await this.run("send-keys", ...keys);
  }

  async enter(line: string): Promise<void> {
    await this.type(line);
    await this.press("Enter");
  }

  /** Pastes text, marked as a paste where the program has asked for that. */
  async paste(text: string): Promise<void> {
    const buffer = ["-b", "paste"];
    await this.run("set-buffer", ...buffer, "--", "");
    // A command of tmux's has a limit.
    for (const [part] of text.matchAll(/[^]{1,4000}/gu)) {
      await this.run("set-buffer", "-a", ...buffer, "--", part);
    }
    await this.run("paste-buffer", "-p", "-d", ...buffer);
  }

  async resize({ columns, rows }: Size): Promise<void> {
    await this.run("resize-window", "-x", `${columns}`, "-y", `${rows}`);
  }

  /** The text on the screen, without the empty rows at its end. */
  async screen(): Promise<string> {
    return (await this.run("capture-pane", "-p")).trimEnd();
  }

  /** All rows there ever were, those that have left the screen included. */
  async history(): Promise<string> {
    return (await this.run("capture-pane", "-p", "-S", "-")).trimEnd();
  }

  /** Waits until the screen shows something; returns the screen that did. */
  async until(
    expected: string | RegExp | ((screen: string) => boolean),
  ): Promise<string> {
    let screen = "";
    const isShown = async () => {
      screen = await this.screen();
      if (typeof expected === "function") return expected(screen);
      if (typeof expected === "string") return screen.includes(expected);
      return expected.test(screen);
    };
    if (await becomesTrue(isShown)) return screen;
    throw new Error(
      `The terminal has not shown ${expected} within ` +
        `${PATIENCE_MS / 1000} s. See what the program in it says:\n${screen}`,
    );
  }

  /** The screen with its colours. */
  async capture(): Promise<string> {
    return await this.run("capture-pane", "-e", "-p");
  }

  async cursor() {
    const format = "#{cursor_x} #{cursor_y} #{cursor_flag}";
    const answer = await this.run("display-message", "-p", format);
    const [column, row, flag] = answer.trim().split(" ").map(Number);
    return { column, row, isShown: flag === 1 };
  }
}
