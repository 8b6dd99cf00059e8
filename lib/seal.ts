/**
 * Seals payloads with a room's secret and opens them, as docs/sealed-rooms.md
 * specifies. Pure except for the random nonces; loaded only with a secret.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomFillSync,
  scryptSync,
} from "node:crypto";
import { MAX_PAYLOAD_BYTES, PayloadTooLargeError } from "./protocol.ts";

/** Part of the salt and of the authenticated data: ties both to this format. */
const FORMAT = "mqtt-chat/1";

/** The first byte of the sealed bytes: the version of the format. */
const VERSION = 1;

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Bytes that the seal adds to a payload, before base64url. */
const SEAL_BYTES = 1 + NONCE_BYTES + TAG_BYTES;

/** scrypt needs just over 32 MiB with these, more than the default `maxmem`. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 2 ** 20 };

/** The sealed payload is a notice, which clients without sealing show. */
const HEAD = '{"type":"notice","from":"sealed",' +
  '"notice":"A sealed message: --secret-file opens it.","sealed":"';
const TAIL = '"}';

/** The most topic keys cached: a megabyte. Deriving one takes microseconds. */
const MAX_KEYS = 1024;
/** The longest topic whose key is cached, in UTF-16 code units. */
const MAX_REMEMBERED_TOPIC = 256;

/** Seals and opens the payloads of all rooms that share a secret. */
export class RoomSeal {
  // Private fields: printing the object shows no key.
  readonly #root: Uint8Array;
  readonly #keys = new Map<string, Uint8Array>();
  readonly #fill: (nonce: Uint8Array) => unknown;

  /**
   * Derives the root of all keys, which takes a quarter of a second and 32 MiB.
   *
   * @param secret The room's secret, in any Unicode normalisation.
   * @param fill Fills a nonce of 12 bytes; random except for test vectors. A
   * nonce used twice reveals both payloads.
   * @throws {RangeError} When the secret is empty.
   */
  constructor(
    secret: string,
    fill: (nonce: Uint8Array) => unknown = randomFillSync,
  ) {
    if (secret === "") throw new RangeError("The secret is empty.");
    const key = scryptSync(secret.normalize("NFC"), FORMAT, KEY_BYTES, SCRYPT);
    // HKDF by hand: node:crypto's throws at topics of more than 1,024 bytes.
    this.#root = hmac("", key);
    this.#fill = fill;
  }

  /**
   * Seals a payload.
   *
   * @param topic The topic it is published to; it opens on no other.
   * @param inner The payload as JSON.
   * @returns The sealed payload as JSON, in ASCII.
   * @throws {PayloadTooLargeError} When the payload has more bytes than
   * `sealable(MAX_PAYLOAD_BYTES)`. Its `size` is that of the sealed payload.
   */
  seal(topic: string, inner: string): string {
    const plain = Buffer.from(inner);
    const bytes = SEAL_BYTES + plain.length;
    const size = HEAD.length + Math.ceil(bytes * 4 / 3) + TAIL.length;
    if (size > MAX_PAYLOAD_BYTES) throw new PayloadTooLargeError(size);
    const nonce = new Uint8Array(NONCE_BYTES);
    this.#fill(nonce);
    const cipher = createCipheriv(CIPHER, this.#keyOf(topic), nonce);
    cipher.setAAD(contextOf(topic));
    const text = [cipher.update(plain), cipher.final()];
    const parts = [Uint8Array.of(VERSION), nonce, ...text, cipher.getAuthTag()];
    return HEAD + Buffer.concat(parts).toString("base64url") + TAIL;
  }

  /**
   * Opens a sealed payload. Never throws.
   *
   * @param topic The topic it arrived on.
   * @param sealed The value of its member `sealed`.
   * @returns The payload inside, or why it can't be opened, as part of a
   * sentence. A wrong secret, a wrong topic and a changed byte look the same.
   */
  open(topic: string, sealed: string): Uint8Array | string {
    const bytes = Buffer.from(sealed, "base64url");
    // Other spellings of the same bytes must not open.
    if (bytes.toString("base64url") !== sealed) return "sealed, not base64url";
    if (bytes.length > 0 && bytes[0] !== VERSION) {
      return `sealed in version ${bytes[0]}, which is not known here`;
    }
    if (bytes.length < SEAL_BYTES) return "sealed, cut short";
    const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
    const decipher = createDecipheriv(CIPHER, this.#keyOf(topic), nonce);
    decipher.setAAD(contextOf(topic));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const inner = decipher.update(bytes.subarray(1 + NONCE_BYTES, -TAG_BYTES));
    try {
      decipher.final();
    } catch {
      return "sealed with another secret, for another room, or changed since";
    }
    return inner;
  }

  /**
   * Returns the largest payload whose sealed form fits a limit.
   *
   * @param most The limit in bytes.
   * @returns Its size in bytes.
   */
  sealable(most: number): number {
    return Math.floor((most - HEAD.length - TAIL.length) * 3 / 4) - SEAL_BYTES;
  }

  #keyOf(topic: string): Uint8Array {
    const known = this.#keys.get(topic);
    if (known !== undefined) return known;
    const key = hmac(this.#root, `${topic}\x01`);
    if (topic.length > MAX_REMEMBERED_TOPIC) return key;
    if (this.#keys.size >= MAX_KEYS) this.#keys.clear();
    this.#keys.set(topic, key);
    return key;
  }
}

/** The additional authenticated data. */
function contextOf(topic: string): Uint8Array {
  return Buffer.from(`${FORMAT}\0${topic}`);
}

function hmac(key: string | Uint8Array, data: string | Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(data).digest();
}
