/**
 * What happens to the connection, in words. Pure.
 *
 * @module
 */

import { hostPort, showBroker } from "../mqtt/address.ts";
import type { Status } from "../client.ts";
import { versionName } from "../mqtt/rotation.ts";
import { safeText } from "../safe_text.ts";

/**
 * Which statuses are told: only what needs an answer; also what goes wrong
 * on the way; also what goes right; every step.
 */
export type Verbosity = "quiet" | "terse" | "normal" | "debug";

/**
 * A status as one safe line for people.
 *
 * @param status What happened.
 * @param verbosity How much is wanted.
 * @returns The line, or undefined for one that is not wanted.
 */
export function statusLine(
  status: Status,
  verbosity: Verbosity,
): string | undefined {
  return isWanted(status, verbosity)
    ? safeText(sentence(status, verbosity))
    : undefined;
}

/** Whether a status is told. */
function isWanted(status: Status, verbosity: Verbosity): boolean {
  switch (status.type) {
    case "denied":
    case "lowered":
    case "maybe shared":
    case "not kept":
      return true;
    case "disconnected":
    case "reconnecting":
      return verbosity !== "quiet";
    case "connected":
      return verbosity !== "quiet" &&
        (verbosity !== "terse" || status.gap !== undefined) &&
        (verbosity === "debug" || !status.isRenewed);
    case "subscribed":
      return verbosity === "normal" || verbosity === "debug";
    case "step":
      return verbosity === "debug";
  }
}

/** The sentence for each kind of status. */
function sentence(status: Status, verbosity: Verbosity): string {
  switch (status.type) {
    case "connected": {
      const broker = showBroker(status.broker);
      const version = verbosity === "debug"
        ? `, ${versionName(status.version)}`
        : "";
      return `Connected ${
        status.gap === undefined ? "" : "again "
      }to ${broker}${version}.`;
    }
    case "subscribed":
      return `Reading ${status.topic} at QoS ${status.qos}.`;
    case "denied":
      return `The broker does not let you read ${status.topic}: ` +
        `${status.reason}.`;
    case "lowered":
      return `${showBroker(status.broker)} takes QoS ${status.qos} at most; ` +
        "messages are sent with that.";
    case "not kept":
      return `${showBroker(status.broker)} keeps no session: what is said ` +
        "while you are away is missed.";
    case "maybe shared":
      return `${showBroker(status.broker)} closed one connection after the ` +
        "other without a word. Another client may use the id " +
        `${JSON.stringify(status.clientId)}; or something in between closes ` +
        "connections, or the broker doesn't take what is sent.";
    case "disconnected":
      return `Disconnected from ${showBroker(status.broker)}: ` +
        `${status.reason}.`;
    case "reconnecting":
      return `Trying ${hostPort(status.broker)} in ` +
        `${status.seconds.toFixed(1)} s.`;
    case "step":
      return `Debug: ${status.text}.`;
  }
}
