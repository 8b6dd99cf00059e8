/** What happens to the connection, in words. Pure. */

import { hostPort, showBroker } from "../mqtt/address.ts";
import type { Status } from "../client.ts";
import { versionName } from "../mqtt/attempts.ts";
import { safeText } from "../safe_text.ts";

/**
 * The statuses to show: those that the user must act on; failures, too;
 * successes, too; every step.
 */
const VERBOSITIES = ["quiet", "terse", "normal", "debug"] as const;
export type Verbosity = (typeof VERBOSITIES)[number];

/** Returns a status as one safe line, or undefined for one that is not shown. */
export function statusLine(
  status: Status,
  verbosity: Verbosity,
): string | undefined {
  const needed = VERBOSITIES.indexOf(leastVerbosity(status));
  return VERBOSITIES.indexOf(verbosity) >= needed
    ? safeText(sentence(status, verbosity))
    : undefined;
}

function leastVerbosity(status: Status): Verbosity {
  switch (status.type) {
    case "denied":
    case "lowered":
    case "maybe shared":
    case "not kept":
      return "quiet";
    case "disconnected":
    case "failed":
    case "reconnecting":
    case "set aside":
      return "terse";
    case "connected":
      if (status.isRenewed) return "debug";
      return status.gap === undefined ? "normal" : "terse";
    case "subscribed":
      return "normal";
    case "step":
      return "debug";
  }
}

function sentence(status: Status, verbosity: Verbosity): string {
  const broker = "broker" in status ? showBroker(status.broker) : "";
  switch (status.type) {
    case "connected": {
      const again = status.gap === undefined ? "" : "again ";
      const version = verbosity === "debug"
        ? `, ${versionName(status.version)}`
        : "";
      return `Connected ${again}to ${broker}${version}.`;
    }
    case "subscribed":
      return `Reading ${status.topic} at QoS ${status.qos}.`;
    case "denied":
      return `The broker does not let you read ${status.topic}: ` +
        `${status.reason}.`;
    case "lowered":
      return `${broker} takes QoS ${status.qos} at most; messages are sent ` +
        "with that.";
    case "not kept":
      return `${broker} keeps no session: you miss messages while you are ` +
        "away.";
    case "maybe shared":
      return `${broker} closed several connections and gave no reason. ` +
        `Another client may use the id ${JSON.stringify(status.clientId)}; ` +
        "or something in between closes connections, or the broker rejects " +
        "what is sent.";
    case "disconnected":
      return `Disconnected from ${broker}: ${status.reason}.`;
    case "failed":
      return `No connection to ${broker}: ${status.reason}.`;
    case "set aside":
      return `${status.topic} is not read for now: ${status.reason}. Trying ` +
        `again in ${status.seconds} s.`;
    case "reconnecting":
      return `Trying ${hostPort(status.broker)} in ` +
        `${status.seconds.toFixed(1)} s.`;
    case "step":
      return `Debug: ${status.text}.`;
  }
}
