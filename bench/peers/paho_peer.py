"""The older Python program's logic on paho-mqtt, 1 or 2.

    paho_peer.py listen -h HOST -p PORT -q QOS -t TOPIC [-t TOPIC]...
    paho_peer.py publish -h HOST -p PORT -q QOS -t TOPIC [-m TEXT]

Listening decodes the JSON and prints time, name and message, each line at
once, as on a terminal. Publishing sends TEXT, or each line of stdin, with at
most 20 lines unacknowledged; what the older program lacks for a fair
comparison is that every line is acknowledged before it ends.
"""

import json
import sys
import threading
import time

import paho.mqtt.client as mqtt

WINDOW = 20

half = sys.argv[1]
flags = list(zip(sys.argv[2::2], sys.argv[3::2]))
value = dict(flags)
qos = int(value["-q"])
is_new = hasattr(mqtt, "CallbackAPIVersion")
client = mqtt.Client(*[mqtt.CallbackAPIVersion.VERSION2] if is_new else [])


def on_message(client, userdata, message):
    payload = json.loads(message.payload)
    text = payload["message" if payload["type"] == "message" else "notice"]
    print("%s %s: %s" % (time.strftime("%H:%M:%S"), payload["from"], text))


def listen():
    sys.stdout.reconfigure(line_buffering=True)
    filters = [(topic, qos) for flag, topic in flags if flag == "-t"]
    client.on_connect = lambda *_: client.subscribe(filters)
    client.on_message = on_message
    client.connect(value["-h"], int(value["-p"]))
    client.loop_forever()


def publish():
    connected = threading.Event()
    window = threading.Semaphore(WINDOW)
    client.on_connect = lambda *_: connected.set()
    client.on_publish = lambda *_: window.release()
    client.connect(value["-h"], int(value["-p"]))
    client.loop_start()
    connected.wait()
    for line in [value["-m"]] if "-m" in value else sys.stdin:
        payload = {"type": "message", "from": "chat", "message": line.rstrip("\n")}
        window.acquire()
        client.publish(value["-t"], json.dumps(payload), qos=qos)
    for _ in range(WINDOW):
        window.acquire()
    client.disconnect()
    client.loop_stop()


publish() if half == "publish" else listen()
