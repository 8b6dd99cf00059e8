/**
 * The project's pages, in parts: their programs, commands, tables, headings and
 * links.
 */

import { ROOT } from "./processes.ts";

class Page {
  readonly text: string;

  /** Reads the page at a path from the project's folder. */
  constructor(readonly path: string) {
    this.text = Deno.readTextFileSync(new URL(path, ROOT));
  }

  /** The blocks of a language, of those that contain a text. */
  blocks(language: string, text = ""): string[] {
    return [...this.text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)]
      .filter(([, kind, code]) => kind === language && code.includes(text))
      .map(([, , code]) => code);
  }

  /** The lines for a shell, and code in the text, which may be one. */
  get commands(): string[] {
    const lines = this.blocks("sh").join("").replaceAll(/\\\n\s*/g, "")
      .split("\n").filter(Boolean);
    const inline = captured(this.#prose, /`([^`]+)`/g);
    return [...lines, ...inline.map((code) => code.replaceAll(/\s+/g, " "))];
  }

  /** The rows of the table below a heading, without its head: their cells. */
  table(heading: string): string[][] {
    const [, section = ""] = this.#prose.split(`# ${heading}\n`);
    const [rows = ""] = /^\|[^]*?(?=^[^|]|$(?![^]))/m.exec(section) ?? [];
    return rows.trim().split("\n").slice(2).map((row) =>
      row.split(/(?<!\\)\|/).slice(1, -1)
        .map((cell) => cell.trim().replaceAll("\\|", "|"))
    );
  }

  /** What links and pictures lead to, but for other sites. */
  get links(): string[] {
    return captured(this.#prose, /\]\(([^)\s]+)\)/g)
      .filter((target) => !/^[a-z]+:/.test(target));
  }

  /** The names by which links lead to headings, as GitHub makes them. */
  get anchors(): string[] {
    return captured(this.#prose, /^#+ (.*)$/gm).map((heading) =>
      heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-")
    );
  }

  get #prose(): string {
    return this.text.replaceAll(/^```[^]*?^```$/gm, "");
  }
}

const captured = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].map(([, part]) => part);

export const page = (path: string): Page => new Page(path);

const pagesIn = (folder: string) =>
  [...Deno.readDirSync(new URL(folder, ROOT))]
    .map(({ name }) => `${folder}/${name}`)
    .filter((path) => path.endsWith(".md")).sort();

export const PAGES: Page[] = [
  ...["README.md", "CONTRIBUTING.md"],
  ...[...pagesIn("docs"), ...pagesIn("bench")],
].map(page);

/**
 * The words of a shell's line, command by command, without where their output
 * goes.
 */
export function wordsOf(line: string): string[][] {
  const tokens = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"|<>&;#])+|#.*|\S/g) ?? [];
  const commands: string[][] = [[]];
  let isFile = false;
  for (const token of tokens) {
    if (/^[|;&]$/.test(token)) commands.push([]);
    else if (!isFile && !/^[<>#]/.test(token)) {
      commands.at(-1)!.push(token.replaceAll(/['"]/g, ""));
    }
    isFile = /^[<>]$/.test(token);
  }
  return commands;
}
