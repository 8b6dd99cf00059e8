"""A peer of the older Python program, for the live tests: paho-mqtt 1.6, its
three JSON fields, its plain-text last will.

    python_peer.py say  HOST PORT USER PASSWORD TOPIC TEXT
    python_peer.py read HOST PORT USER PASSWORD TOPIC COUNT

`say` publishes one message and dies without DISCONNECT, so that the broker
sends the will. `read` prints READY once subscribed, then, for each payload,
the fields that the Python program uses, as a JSON array on a line.
"""

import json
import os
import sys

import paho.mqtt.client as mqtt


def main(mode, host, port, user, password, topic, argument):
    client = mqtt.Client()
    client.username_pw_set(user, password)
    client.will_set(topic, "User %s timed out" % user, qos=1)
    remaining = int(argument) if mode == "read" else 0

    def on_connect(client, userdata, flags, code):
        if code != 0:
            sys.exit("refused: %d" % code)
        if mode == "read":
            client.subscribe(topic, qos=1)
            return
        payload = {"type": "message", "from": user, "message": argument}
        client.publish(topic, json.dumps(payload), qos=1)

    def on_message(client, userdata, message):
        nonlocal remaining
        payload = json.loads(message.payload)
        text = payload["message" if payload["type"] == "message" else "notice"]
        print(json.dumps([payload["type"], payload["from"], text]), flush=True)
        remaining -= 1
        if remaining == 0:
            client.disconnect()

    client.on_connect = on_connect
    client.on_message = on_message
    client.on_publish = lambda client, userdata, mid: os._exit(0)
    client.on_subscribe = lambda *_: print("READY", flush=True)
    client.connect(host, int(port))
    client.loop_forever()


main(*sys.argv[1:])
