/**
 * The project's pages, in parts: their programs, commands, tables, headings and
 * links.
 */

import { ROOT } from "./processes.ts";

export class Page {
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
    const inline = [...this.#prose.matchAll(/`([^`]+)`/g)]
      .map(([, code]) => code.replaceAll(/\s+/g, " "));
    return [...lines, ...inline];
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
    return [...this.#prose.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target).filter((it) => !/^[a-z]+:/.test(it));
  }

  /** The names by which links lead to headings, as GitHub makes them. */
  get anchors(): string[] {
    return [...this.#prose.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-")
    );
  }

  get #prose(): string {
    return this.text.replaceAll(/^```[^]*?^```$/gm, "");
  }
}

export const PAGES: Page[] = [
  "README.md",
  "CONTRIBUTING.md",
  ...pagesIn("docs"),
  ...pagesIn("bench"),
].map((path) => new Page(path));

function pagesIn(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))]
    .map(({ name }) => `${folder}/${name}`)
    .filter((path) => path.endsWith(".md")).sort();
}

export function page(path: string): Page {
  const found = PAGES.find((page) => page.path === path);
  if (found === undefined) throw new Error(`There is no page ${path}.`);
  return found;
}

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
