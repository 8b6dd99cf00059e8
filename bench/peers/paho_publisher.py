"""The older Python program's publisher on paho-mqtt, with what it lacks for a
fair comparison: every line is acknowledged before it ends.

    paho_publisher.py -h HOST -p PORT -q QOS -t TOPIC [-m TEXT]

Sends TEXT, or each line of stdin, with at most 20 lines unacknowledged at a
time. Works with paho-mqtt 1 and 2.
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


def main(flags):
    topic, qos = flags["-t"], int(flags["-q"])
    client = make_client()
    connected = threading.Event()
    window = threading.Semaphore(WINDOW)
    client.on_connect = lambda *_: connected.set()
    client.on_publish = lambda *_: window.release()
    client.connect(flags["-h"], int(flags["-p"]))
    client.loop_start()
    connected.wait()
    for line in [flags["-m"]] if "-m" in flags else sys.stdin:
        payload = {"type": "message", "from": "chat", "message": line.rstrip("\n")}
        window.acquire()
        client.publish(topic, json.dumps(payload), qos=qos)
    for _ in range(WINDOW):
        window.acquire()
    client.disconnect()
    client.loop_stop()


main(dict(zip(sys.argv[1::2], sys.argv[2::2])))
