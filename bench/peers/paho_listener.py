"""The older Python program's listener on paho-mqtt: decodes the JSON, prints
time, name and message.

    paho_listener.py PORT QOS TOPIC...

Every line is written at once, as it is on a terminal. Works with paho-mqtt 1
and 2.
"""

import json
import sys
import time

import paho.mqtt.client as mqtt


def make_client():
    if hasattr(mqtt, "CallbackAPIVersion"):
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    return mqtt.Client()


def on_message(client, userdata, message):
    payload = json.loads(message.payload)
    text = payload["message" if payload["type"] == "message" else "notice"]
    print("%s %s: %s" % (time.strftime("%H:%M:%S"), payload["from"], text))


def main(port, qos, *topics):
    sys.stdout.reconfigure(line_buffering=True)
    client = make_client()
    filters = [(topic, int(qos)) for topic in topics]
    client.on_connect = lambda *_: client.subscribe(filters)
    client.on_message = on_message
    client.connect("127.0.0.1", int(port))
    client.loop_forever()


main(*sys.argv[1:])
