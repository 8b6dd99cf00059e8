/** MQTT.js alone on Deno, loaded as ours is: sends one message and ends. */

import "../../lib/mqtt/library_env.ts"; // first: MQTT.js reads the environment on loading
import mqttClient from "mqtt/lib/client";
import { connect } from "node:net";

// -h HOST -p PORT -q 1 -t TOPIC -m TEXT
const [, host, , port, , , , topic, , text] = Deno.args;
const client = new mqttClient.default(
  () => connect({ host, port: Number(port) }),
  { protocolVersion: 5, writeCache: false, timerVariant: "native" },
);
client.publish(topic, text, { qos: 1 }, () => client.end());
