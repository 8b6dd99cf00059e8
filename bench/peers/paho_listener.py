"""The older Python program's listener on paho-mqtt: decodes the JSON, prints
time, name and message.

    paho_listener.py -h HOST -p PORT -q QOS -t TOPIC [-t TOPIC]...

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


def main(flags):
    sys.stdout.reconfigure(line_buffering=True)
    value = dict(flags)
    topics = [topic for flag, topic in flags if flag == "-t"]
    filters = [(topic, int(value["-q"])) for topic in topics]
    client = make_client()
    client.on_connect = lambda *_: client.subscribe(filters)
    client.on_message = on_message
    client.connect(value["-h"], int(value["-p"]))
    client.loop_forever()


main(list(zip(sys.argv[1::2], sys.argv[2::2])))
