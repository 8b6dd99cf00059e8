"""Signs and verifies payloads as docs/wire-format.md specifies, from that page
alone: python3-cryptography.

Answers each line on stdin, a JSON array, with one line of JSON:

    ["sign", PRIVATE_KEY, TOPIC, payload]  the payload with key and sig
    ["check", TOPIC, payload]              "valid", "bad" or "none"
    ["kept", TOPIC, history]               the same for each entry
"""

import base64
import json
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

P = 2**255 - 19
Y = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826
SMALL_ORDER = {0, 1, P - 1, P, P + 1, Y, P - Y}


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("not canonical")
    return data


def signed_bytes(topic, payload):
    members = [topic.replace(".", "/"), payload["type"], payload["from"],
               payload.get(payload["type"], ""), payload.get("id", ""),
               payload.get("at", "")]
    data = [text.encode() for text in members]
    return b"mqtt-chat/sig/1\0" + b"".join(
        struct.pack(">I", len(text)) + text for text in data)


def sign(private, topic, payload):
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = key.sign(signed_bytes(topic, payload))
    return {**payload, "key": encode(public), "sig": encode(signature)}


def check(topic, payload):
    if "key" not in payload and "sig" not in payload:
        return "none"
    try:
        key = decode(payload["key"])
        if int.from_bytes(key, "little") % 2**255 in SMALL_ORDER:
            return "bad"
        ed25519.Ed25519PublicKey.from_public_bytes(key).verify(
            decode(payload["sig"]), signed_bytes(topic, payload))
        return "valid"
    except (InvalidSignature, KeyError, TypeError, ValueError):
        return "bad"


def kept(topic, history):
    def entry(payload):
        key = payload.get("key")
        return {**payload, "key": history["keys"][key]} if isinstance(
            key, int) else payload
    return [check(topic, entry(payload)) for payload in history["messages"]]


MODES = {"sign": sign, "check": check, "kept": kept}
for line in sys.stdin:
    mode, *arguments, text = json.loads(line)
    print(json.dumps(MODES[mode](*arguments, json.loads(text))), flush=True)
