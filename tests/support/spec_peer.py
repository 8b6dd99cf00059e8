"""A peer written from docs/sealed-rooms.md and docs/wire-format.md alone:
python3-cryptography.

    spec_peer.py [FILE]

FILE has the secret of its rooms. It answers each line on stdin, a JSON array,
with one line of JSON:

    ["seal", TOPIC, payload, NONCE]        sealed; NONCE in hexadecimal
    ["open", TOPIC, sealed payload]        what is inside, or null
    ["sign", TOPIC, payload, PRIVATE_KEY]  the payload with key and sig
    ["check", TOPIC, payload]              "valid", "bad" or "none"
    ["kept", TOPIC, history]               the same for each entry
"""

import base64
import hashlib
import json
import struct
import sys
import unicodedata

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

REFUSALS = (InvalidSignature, InvalidTag, KeyError, TypeError, ValueError)


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("not canonical")
    return data


# docs/sealed-rooms.md

FORMAT = b"mqtt-chat/1"
OUTER = {"type": "notice", "from": "sealed",
         "notice": "A sealed message: --secret-file opens it."}


def root_of(file):
    with open(file, encoding="utf-8-sig") as text:
        secret = unicodedata.normalize("NFC", text.readline().rstrip("\n"))
    return hashlib.scrypt(secret.encode(), salt=FORMAT, n=2**15, r=8, p=3,
                          dklen=32, maxmem=2**26)


ROOT = root_of(sys.argv[1]) if len(sys.argv) > 1 else None


def cipher(topic):
    hkdf = HKDF(SHA256(), length=32, salt=None, info=topic.encode())
    return AESGCM(hkdf.derive(ROOT)), FORMAT + b"\0" + topic.encode()


def seal(topic, payload, nonce):
    key, context = cipher(topic)
    nonce = bytes.fromhex(nonce)
    sealed = b"\1" + nonce + key.encrypt(nonce, payload.encode(), context)
    return json.dumps({**OUTER, "sealed": encode(sealed)})


def unseal(topic, payload):
    key, context = cipher(topic)
    try:
        sealed = decode(json.loads(payload)["sealed"])
        if sealed[:1] != b"\1":
            raise ValueError("an unknown version")
        return key.decrypt(sealed[1:13], sealed[13:], context).decode()
    except REFUSALS:
        return None


# docs/wire-format.md

P = 2**255 - 19
Y = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826
SMALL_ORDER = {0, 1, P - 1, P, P + 1, Y, P - Y}


def signed_bytes(topic, payload):
    members = [topic.replace(".", "/"), payload["type"], payload["from"],
               payload.get(payload["type"], ""), payload.get("id", ""),
               payload.get("at", "")]
    data = [text.encode() for text in members]
    return b"mqtt-chat/sig/1\0" + b"".join(
        struct.pack(">I", len(text)) + text for text in data)


def sign(topic, payload, private):
    payload = json.loads(payload)
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = key.sign(signed_bytes(topic, payload))
    return {**payload, "key": encode(public), "sig": encode(signature)}


def check(topic, payload):
    payload = json.loads(payload)
    if "key" not in payload and "sig" not in payload:
        return "none"
    try:
        key = decode(payload["key"])
        if int.from_bytes(key, "little") % 2**255 in SMALL_ORDER:
            return "bad"
        ed25519.Ed25519PublicKey.from_public_bytes(key).verify(
            decode(payload["sig"]), signed_bytes(topic, payload))
        return "valid"
    except REFUSALS:
        return "bad"


def kept(topic, history):
    history = json.loads(history)
    for entry in history["messages"]:
        if isinstance(entry.get("key"), int):
            entry["key"] = history["keys"][entry["key"]]
    return [check(topic, json.dumps(entry)) for entry in history["messages"]]


MODES = {"seal": seal, "open": unseal, "sign": sign, "check": check,
         "kept": kept}
for line in sys.stdin:
    mode, *arguments = json.loads(line)
    print(json.dumps(MODES[mode](*arguments)), flush=True)
