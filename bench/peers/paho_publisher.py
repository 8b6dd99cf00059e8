"""The older Python program's publisher on paho-mqtt, with what it lacks for a
fair comparison: every line is acknowledged before it ends.

    paho_publisher.py PORT TOPIC [TEXT]

Sends TEXT, or each line of stdin, at QoS 1 to the broker on 127.0.0.1, with at
most 20 lines unacknowledged at a time. Works with paho-mqtt 1 and 2.
"""

import json
import sys
import threading

import paho.mqtt.client as mqtt

WINDOW = 20


def make_client():
    if hasattr(mqtt, "CallbackAPIVersion"):
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    return mqtt.Client()


def main(port, topic, *texts):
    client = make_client()
    connected = threading.Event()
    window = threading.Semaphore(WINDOW)
    client.on_connect = lambda *_: connected.set()
    client.on_publish = lambda *_: window.release()
    client.connect("127.0.0.1", int(port))
    client.loop_start()
    connected.wait()
    for line in texts or sys.stdin:
        payload = {"type": "message", "from": "chat", "message": line.rstrip("\n")}
        window.acquire()
        client.publish(topic, json.dumps(payload), qos=1)
    for _ in range(WINDOW):
        window.acquire()
    client.disconnect()
    client.loop_stop()


main(*sys.argv[1:])
