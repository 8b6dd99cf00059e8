/**
 * What arrives in a room, and what interrupts it, as JSON lines for a program.
 * They are safe to print raw: every character that could harm a terminal is a
 * `\uXXXX` escape, and parsing gives the exact text. Pure.
 *
 * @module
 */

import { type Note, readUtf8 } from "./line.ts";
import type { Received } from "../protocol.ts";
import { safeJson } from "../safe_text.ts";

/**
 * Shows what arrived as one JSON object. The members are `receivedAt` (RFC
 * 3339, UTC, milliseconds), `topic`, `type` (`message`, `notice`, `malformed` or
 * `sealed`), `from`, `text`, `id`, `at`, `qos`, `retain`, `duplicate`, `sealed`;
 * those that a payload lacks are left out. A malformed one has `reason`, `text`
 * (its bytes read as UTF-8, with U+FFFD for what isn't) and `bytes` (base64) in
 * place of `from` to `at`; one that is sealed has `reason`, where there is one.
 *
 * @param received What arrived.
 * @param history Whether it was kept by a keeper; then `history` is `true`.
 * @returns The JSON, without a line break.
 */
export function renderJson(received: Received, history?: true): string {
  const { receivedAt, topic, payload, qos, retain, duplicate } = received;
  const { sealed = payload.type === "sealed" } = received;
  return safeJson(JSON.stringify({
    receivedAt,
    topic,
    type: payload.type,
    ...content(payload),
    qos,
    retain,
    duplicate,
    sealed,
    history,
  }));
}

/** Shows a note as an object with `receivedAt`, `type` and its own members. */
export function renderJsonNote(note: Note, time: Date): string {
  return safeJson(JSON.stringify({ receivedAt: time, ...note }));
}

/** What a payload says, as members of a JSON object. */
function content(payload: Received["payload"]): Record<string, unknown> {
  switch (payload.type) {
    case "message": {
      const { from, message, id, at } = payload;
      return { from, text: message, id, at };
    }
    case "notice": {
      const { from, notice, id, at } = payload;
      return { from, text: notice, id, at };
    }
    case "malformed": {
      const { reason, bytes } = payload;
      return { reason, text: readUtf8(bytes), bytes: bytes.toBase64() };
    }
    case "sealed":
      return { reason: payload.reason };
    case "history":
      return {};
  }
}
