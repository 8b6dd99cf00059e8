/**
 * Tests that need more than this project brings: registered when it is there,
 * else shown as ignored with the reason in their name.
 */

export type Gate = (
  name: string,
  fn: (test: Deno.TestContext) => Promise<void>,
) => void;

/** A gate for tests that can't run for a reason; undefined when they can. */
export function gate(reason: string | undefined): Gate {
  return (name, fn) =>
    Deno.test({
      name: reason === undefined ? name : `${name} (skipped: ${reason})`,
      ignore: reason !== undefined,
      fn,
    });
}

export function isInstalled(program: string, ...args: string[]): boolean {
  try {
    const { code } = new Deno.Command(program, {
      args,
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return code === 0;
  } catch {
    return false;
  }
}

/** The broker the live tests use, such as `mqtt://127.0.0.1:1883`. */
export const BROKER_URL = Deno.env.get("MQTT_BROKER_URL");

export const NO_BROKER = BROKER_URL === undefined
  ? "MQTT_BROKER_URL names no broker"
  : undefined;

export const NO_MOSQUITTO = NO_BROKER ??
  (isInstalled("sh", "-c", "command -v mosquitto")
    ? undefined
    : "mosquitto is not installed");

export const NO_CLUSTER = Deno.env.get("MQTT_CLUSTER") !== "1"
  ? "MQTT_CLUSTER is not 1"
  : isInstalled("nats-server", "--version")
  ? undefined
  : "nats-server is not installed";

/** RabbitMQ's own script: what is in the PATH insists on a user of its own. */
export const RABBITMQ_SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server";

export const NO_RABBITMQ = Deno.env.get("MQTT_RABBITMQ") !== "1"
  ? "MQTT_RABBITMQ is not 1"
  : isInstalled("test", "-x", RABBITMQ_SERVER)
  ? undefined
  : "rabbitmq-server is not installed";

export const NO_TMUX = isInstalled("tmux", "-V")
  ? undefined
  : "tmux is not installed";
