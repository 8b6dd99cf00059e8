/**
 * Terminals in tmux: types into programs and reads what they show. Uses a tmux
 * server of its own, without configuration.
 */

import { becomesTrue, PATIENCE_MS } from "./patience.ts";

interface Size {
  columns: number;
  rows: number;
}

/** A tmux server. Disposing of it ends it, and all that runs in it. */
export class Tmux implements AsyncDisposable {
  #hasEnded = false;
  #count = 0;

  /** One that starts with its first terminal. */
  constructor(private readonly socket: string) {}

  /**
   * Opens a terminal, by default of a type that every system knows, with a
   * shell whose prompt is `$ ` and nothing on the screen.
   */
  async open(
    { columns, rows }: Size,
    folder: string,
    setup = ":",
    term = "screen-256color",
  ): Promise<Terminal> {
    const name = `t${++this.#count}`;
    await this.run([
      ...["new-session", "-d", "-s", name, "-c", folder],
      ...["-x", `${columns}`, "-y", `${rows}`],
      // ENV names a file of the shell's that may change the prompt.
      ...["env", "-u", "NO_COLOR", "-u", "ENV"],
      ...[`TERM=${term}`, "PS1=setup> ", "sh"],
    ]);
    const terminal = new Terminal(this, name);
    await terminal.enter(`${setup}; PS1='$ '; printf '\\033[H\\033[2J'`);
    await terminal.until(/^\$\s*$/);
    return terminal;
  }

  async run(args: string[]): Promise<string> {
    // A terminal opened now would start another server.
    if (this.#hasEnded) throw new Error("Could not run tmux: it has ended.");
    return await this.#run(args);
  }

  /** Ends the server; the programs in it are hung up on. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#count === 0) return;
    // tmux leaves its socket behind.
    await this.#run(["run-shell", "rm -f '#{socket_path}'", ";", "kill-server"])
      .catch(() => {}); // it ends by itself with its last terminal
  }

  async #run(args: string[]): Promise<string> {
    // -u: what is shown is UTF-8, whatever the locale says.
    const command = new Deno.Command("tmux", {
      args: ["-u", "-L", this.socket, "-f", "/dev/null", ...args],
      stdin: "null",
    });
    const { success, stdout, stderr, signal } = await command.output();
    if (success) return new TextDecoder().decode(stdout);
    const reason = signal
      ? `it was ended by ${signal}`
      : new TextDecoder().decode(stderr).trim();
    throw new Error(`Could not run tmux ${args[0]}: ${reason}.`);
  }
}

export class Terminal {
  constructor(private readonly tmux: Tmux, private readonly name: string) {}

  async type(text: string): Promise<void> {
    await this.#run("send-keys", "-l", "--", text);
  }

  /** Presses keys, named as tmux names them: `Enter`, `C-c`. */
  async press(...keys: string[]): Promise<void> {
    await this.#run("send-keys", ...keys);
  }

  async enter(line: string): Promise<void> {
    await this.type(line);
    await this.press("Enter");
  }

  /** Pastes text, marked as a paste where the program has asked for that. */
  async paste(text: string): Promise<void> {
    const buffer = ["-b", this.name];
    await this.tmux.run(["set-buffer", ...buffer, "--", ""]);
    // A command of tmux's has a limit.
    for (const [part] of text.matchAll(/[^]{1,4000}/gu)) {
      await this.tmux.run(["set-buffer", "-a", ...buffer, "--", part]);
    }
    await this.#run("paste-buffer", "-p", "-d", ...buffer);
  }

  async resize({ columns, rows }: Size): Promise<void> {
    await this.#run("resize-window", "-x", `${columns}`, "-y", `${rows}`);
  }

  /** The text on the screen, without the empty rows at its end. */
  async screen(): Promise<string> {
    return (await this.#run("capture-pane", "-p")).trimEnd();
  }

  /** All rows there ever were, those that have left the screen included. */
  async history(): Promise<string> {
    return (await this.#run("capture-pane", "-p", "-S", "-")).trimEnd();
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
    return await this.#run("capture-pane", "-e", "-p");
  }

  async cursor(): Promise<{ column: number; row: number }> {
    const format = "#{cursor_x} #{cursor_y}";
    const answer = await this.#run("display-message", "-p", format);
    const [column, row] = answer.trim().split(" ").map(Number);
    return { column, row };
  }

  async hasCursor(): Promise<boolean> {
    const answer = await this.#run("display-message", "-p", "#{cursor_flag}");
    return answer.trim() === "1";
  }

  async #run(command: string, ...args: string[]): Promise<string> {
    return await this.tmux.run([command, "-t", this.name, ...args]);
  }
}
