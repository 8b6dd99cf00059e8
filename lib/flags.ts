/**
 * The flags of both scripts, as one table: names, letters, values, meanings.
 * The parser, the help text and whatever else lists flags reads it from here,
 * so that they can't drift apart. Pure; imports nothing.
 *
 * @module
 */

/** Which of the two scripts. */
export type Script = "listener" | "publisher";

/** One flag. */
export interface Flag {
  /** Its long name, without the dashes. */
  long: string;
  /** Its letter, if it has one. The letters are mosquitto_sub's and _pub's. */
  short?: string;
  /** What its value is called; a flag without one is a switch. */
  value?: string;
  /** Whether it may be given several times. */
  repeat?: boolean;
  /** The heading it stands under in the help. */
  group: string;
  /** What it means, and its default in brackets. */
  help: string;
  /** The script that has it, where only one does. */
  only?: Script;
}

/** Every flag, in the order of the help text. */
export const FLAGS: readonly Flag[] = [
  {
    long: "topic",
    short: "t",
    value: "TOPIC",
    repeat: true,
    group: "Room",
    help: "room; may be repeated; + and # are wildcards [chat]",
    only: "listener",
  },
  {
    long: "topic",
    short: "t",
    value: "TOPIC",
    group: "Room",
    help: "the room [chat]",
    only: "publisher",
  },
  {
    long: "name",
    short: "n",
    value: "NAME",
    group: "Room",
    help: "your name there [the user]",
  },
  {
    long: "no-announce",
    group: "Room",
    help: "no join notice",
    only: "listener",
  },
  {
    long: "count",
    short: "C",
    value: "N",
    group: "Output",
    help: "stop after N lines",
    only: "listener",
  },
  {
    long: "wait",
    short: "W",
    value: "S",
    group: "Output",
    help: "stop after S seconds",
    only: "listener",
  },
  {
    long: "show-topic",
    short: "T",
    group: "Output",
    help: "topic on each line",
    only: "listener",
  },
  {
    long: "json",
    group: "Output",
    help: "one JSON object a line",
    only: "listener",
  },
  {
    long: "message",
    short: "m",
    value: "TEXT",
    group: "Text",
    help: "send one message, not stdin's lines",
    only: "publisher",
  },
  {
    long: "follow",
    short: "f",
    group: "Text",
    help: "show the room above the prompt",
    only: "publisher",
  },
  {
    long: "color",
    value: "WHEN",
    group: "Output",
    help: "auto, always, never",
  },
  {
    long: "quiet",
    group: "Output",
    help: "errors only, no status",
  },
  {
    long: "debug",
    group: "Output",
    help: "every step, on stderr",
  },
  {
    long: "host",
    short: "h",
    value: "HOST",
    repeat: true,
    group: "Broker",
    help: "host, host:port or mqtt(s):// ws(s):// URL [localhost]",
  },
  {
    long: "port",
    short: "p",
    value: "N",
    group: "Broker",
    help: "[1883, TLS 8883]",
  },
  {
    long: "id",
    short: "i",
    value: "ID",
    group: "Broker",
    help: "client id [random]",
  },
  {
    long: "username",
    short: "u",
    value: "USER",
    group: "Broker",
    help: "[chat]",
  },
  {
    long: "password",
    short: "P",
    value: "PW",
    group: "Broker",
    help: "or MQTT_PASSWORD",
  },
  {
    long: "password-file",
    value: "FILE",
    group: "Broker",
    help: "its first line is the password (-R=FILE)",
  },
  {
    long: "cafile",
    value: "FILE",
    group: "TLS",
    help: "authorities to trust (-R=FILE)",
  },
  {
    long: "cert",
    value: "FILE",
    group: "TLS",
    help: "yours (-R=FILE)",
  },
  {
    long: "key",
    value: "FILE",
    group: "TLS",
    help: "its key (-R=FILE)",
  },
  {
    long: "qos",
    short: "q",
    value: "0|1|2",
    group: "Link",
    help: "delivery [1]",
  },
  {
    long: "keepalive",
    short: "k",
    value: "S",
    group: "Link",
    help: "seconds [30]",
  },
  {
    long: "timeout",
    value: "S",
    group: "Link",
    help: "connect, last acks [10]",
  },
  {
    long: "protocol-version",
    short: "V",
    value: "V",
    group: "Link",
    help: "5, 311 or auto: 5, else 311",
  },
  {
    long: "resume",
    short: "c",
    group: "Session",
    help: "keep it; needs --id",
  },
  {
    long: "session-expiry",
    short: "x",
    value: "S",
    group: "Session",
    help: "[86400]",
  },
  { long: "version", group: "Other", help: "print the version" },
  { long: "help", group: "Other", help: "print this" },
];

/**
 * The flags that one script has.
 *
 * @param script Which script.
 * @returns Its rows of {@link FLAGS}, in order.
 */
export function flagsOf(script: Script): Flag[] {
  return FLAGS.filter((flag) => (flag.only ?? script) === script);
}
