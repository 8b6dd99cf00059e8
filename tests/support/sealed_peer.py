"""A peer in rooms with a secret, written from docs/sealed-rooms.md alone, for
the live tests: python3-cryptography, and python3-paho-mqtt where it connects.

    sealed_peer.py answer FILE
    sealed_peer.py say    FILE TOPIC HOST PORT USER PASSWORD TEXT
    sealed_peer.py read   FILE TOPIC HOST PORT USER PASSWORD COUNT

FILE has the secret. `answer` answers each line on stdin, ["seal", TOPIC,
payload, NONCE in hexadecimal] or ["open", TOPIC, sealed payload], with the other
payload as JSON, or with `null` where it can't be opened. `read` prints READY
once subscribed, then the payload in each of COUNT that arrive in the same way.
"""

import base64
import hashlib
import json
import os
import sys
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORMAT = b"mqtt-chat/1"
OUTER = {"type": "notice", "from": "sealed",
         "notice": "A sealed message: --secret-file opens it."}
REFUSALS = (InvalidTag, KeyError, TypeError, ValueError)


def root_of(file):
    with open(file, encoding="utf-8-sig") as text:
        secret = unicodedata.normalize("NFC", text.readline().rstrip("\n"))
    return hashlib.scrypt(secret.encode(), salt=FORMAT, n=2**15, r=8, p=3,
                          dklen=32, maxmem=2**26)


class Seal:
    def __init__(self, root, topic):
        hkdf = HKDF(SHA256(), length=32, salt=None, info=topic.encode())
        self.cipher = AESGCM(hkdf.derive(root))
        self.context = FORMAT + b"\0" + topic.encode()

    def seal(self, payload, nonce):
        sealed = self.cipher.encrypt(nonce, payload, self.context)
        return json.dumps({**OUTER, "sealed": encode(b"\1" + nonce + sealed)})

    def open(self, payload):
        text = json.loads(payload)["sealed"]
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if encode(sealed) != text:
            raise ValueError("not base64url")
        if sealed[:1] != b"\1":
            raise ValueError("an unknown version")
        return self.cipher.decrypt(sealed[1:13], sealed[13:], self.context)


def encode(sealed):
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def answer(root):
    for line in sys.stdin:
        mode, topic, payload, *nonce = json.loads(line)
        seal = Seal(root, topic)
        try:
            print(json.dumps(
                seal.seal(payload.encode(), bytes.fromhex(*nonce))
                if mode == "seal" else seal.open(payload).decode()), flush=True)
        except REFUSALS:
            print("null", flush=True)


def say(root, topic, host, port, user, password, text):
    from paho.mqtt import publish

    said = json.dumps({"type": "message", "from": user, "message": text})
    seal = Seal(root, topic)
    publish.single(topic, seal.seal(said.encode(), os.urandom(12)), qos=1,
                   hostname=host, port=int(port),
                   auth={"username": user, "password": password})


def read(root, topic, host, port, user, password, count):
    from paho.mqtt.client import Client

    seal = Seal(root, topic)
    arrived = []

    def on_message(client, userdata, message):
        try:
            arrived.append(json.loads(seal.open(message.payload)))
        except REFUSALS:
            arrived.append(None)
        print(json.dumps(arrived[-1]), flush=True)
        if len(arrived) == int(count):
            client.disconnect()

    client = Client()
    client.username_pw_set(user, password)
    client.on_connect = lambda *_: client.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: print("READY", flush=True)
    client.on_message = on_message
    client.connect(host, int(port))
    client.loop_forever()


mode, file, *arguments = sys.argv[1:]
{"answer": answer, "say": say, "read": read}[mode](root_of(file), *arguments)
