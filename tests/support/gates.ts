/**
 * Tests that need more than this project brings: registered when it is there,
 * else shown as ignored with the reason in their name.
 */

/** A gate for tests that can't run for a reason; undefined when they can. */
export function gate(reason: string | undefined) {
  return (name: string, fn: (test: Deno.TestContext) => Promise<void>): void =>
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

/** Why a program can't be run, if it can't. */
export function missing(program: string): string | undefined {
  return isInstalled("sh", "-c", `command -v ${program}`)
    ? undefined
    : `${program.split("/").at(-1)} is not installed`;
}

/** The broker the live tests use, such as `mqtt://127.0.0.1:1883`. */
export const BROKER_URL = Deno.env.get("MQTT_BROKER_URL");

/** Why a variable does not ask for a test, if it does not. */
const unasked = (name: string) =>
  Deno.env.get(name) === "1" ? undefined : `${name} is not 1`;

export const NO_BROKER = BROKER_URL === undefined
  ? "MQTT_BROKER_URL names no broker"
  : undefined;

export const NO_MOSQUITTO = NO_BROKER ?? missing("mosquitto");
export const NO_CLUSTER = unasked("MQTT_CLUSTER") ?? missing("nats-server");
export const NOT_LONG = NO_MOSQUITTO ?? unasked("MQTT_LONG");

/** RabbitMQ's own script: what is in the PATH insists on a user of its own. */
export const RABBITMQ_SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server";
export const NO_RABBITMQ = unasked("MQTT_RABBITMQ") ?? missing(RABBITMQ_SERVER);
export const NO_TMUX = missing("tmux");

/** Plays scenes that mostly wait, as steps of a test, at the same time. */
export async function playTogether(
  test: Deno.TestContext,
  scenes: [name: string, fn: () => Promise<void>][],
): Promise<void> {
  // Deno wants this where steps overlap.
  const sanitizers = {
    sanitizeOps: false,
    sanitizeResources: false,
    sanitizeExit: false,
  };
  await Promise.all(
    scenes.map(([name, fn]) => test.step({ name, fn, ...sanitizers })),
  );
}
