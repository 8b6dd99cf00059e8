/**
 * What is asked before several lines are sent, and what an answer means. Pure.
 *
 * @module
 */

/** The messages that a text of several lines is. */
export function messagesOf(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}

/** The question about such a text. */
export function questionAbout(text: string): string {
  return `Send these ${messagesOf(text).length} messages? (y/n) `;
}

/** What an answer means; whoever has not seen the question says neither. */
export function meaningOf(answer: string): "yes" | "no" | "neither" {
  const word = answer.trim().toLowerCase();
  if (["y", "yes"].includes(word)) return "yes";
  return ["n", "no"].includes(word) ? "no" : "neither";
}
