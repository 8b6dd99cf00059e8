/**
 * What is told of a password or ACL file with a line that can't be used. Pure.
 *
 * @module
 */

/** A password or ACL file with a line that can't be used. */
export class AccessFileError extends Error {
  static {
    this.prototype.name = "AccessFileError";
  }
  /** The file, as the caller named it. */
  readonly file: string;
  /** The line, counted from 1. */
  readonly line: number;

  /**
   * Makes the sentence for a line.
   *
   * @param file The file, as its reader should see it named.
   * @param line The line, counted from 1.
   * @param problem What is wrong with the line and what to do, as part of a
   *   sentence. Must not quote a password or a hash.
   */
  constructor(file: string, line: number, problem: string) {
    super(`${file}, line ${line}: ${problem}.`);
    this.file = file;
    this.line = line;
  }
}
