/**
 * Signs payloads with a member's key and verifies them, as docs/wire-format.md
 * specifies: Ed25519 over the topic and the members of the payload. Pure except
 * for {@link Signer.generate}; loaded only where a payload is signed or verified.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import type { Payload } from "./protocol.ts";

/** The first of the signed bytes: ties a signature to this format. */
const CONTEXT = Buffer.from("mqtt-chat/sig/1\0");

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** An Ed25519 key as SubjectPublicKeyInfo (RFC 8410) is this and 32 bytes. */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/**
 * The y coordinates of the points of small order, in hexadecimal and without
 * the sign bit, p and p + 1 included: under such a key one signature fits many
 * payloads.
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);

/** The most public keys kept ready: parsing one takes as long as a signature. */
const MAX_KEYS = 1_024;

const keys = new Map<string, KeyObject>();

/** Signs payloads with one key. */
export class Signer {
  /** The public key: 32 bytes in base64url, 43 characters. */
  readonly key: string;
  readonly #private: KeyObject;

  private constructor(privateKey: KeyObject) {
    this.#private = privateKey;
    const spki = createPublicKey(privateKey)
      .export({ type: "spki", format: "der" });
    this.key = spki.subarray(SPKI_PREFIX.length).toString("base64url");
  }

  /**
   * Makes a signer with a new key.
   *
   * @returns The signer.
   */
  static generate(): Signer {
    return new Signer(generateKeyPairSync("ed25519").privateKey);
  }

  /**
   * Makes a signer with the key of a file, as
   * `openssl genpkey -algorithm ed25519` writes it.
   *
   * @param pem The file's text: PEM, PKCS #8, not encrypted.
   * @returns The signer.
   * @throws {TypeError} When the text has no Ed25519 key.
   */
  static fromPem(pem: string): Signer {
    let key: KeyObject | undefined;
    try {
      key = createPrivateKey(pem);
    } catch {
      // What node:crypto says of a wrong key helps no user.
    }
    if (key?.asymmetricKeyType === "ed25519") return new Signer(key);
    throw new TypeError("it has no Ed25519 private key in PEM (PKCS #8)");
  }

  /**
   * Signs a payload for a topic.
   *
   * @param topic The topic it is published to.
   * @param payload The payload with its final `id` and `at`.
   * @returns The signature: 64 bytes in base64url, 86 characters.
   */
  sign(topic: string, payload: Payload): string {
    return sign(null, signedBytes(topic, payload), this.#private)
      .toString("base64url");
  }
}

/**
 * Verifies the signature of a payload. Never throws.
 *
 * @param topic The topic it arrived on.
 * @param payload The payload.
 * @param key Its member `key`.
 * @param signature Its member `sig`.
 * @returns Whether the holder of the key signed this payload for this topic.
 */
export function isSignedBy(
  topic: string,
  payload: Payload,
  key: string,
  signature: string,
): boolean {
  const bytes = canonicalBytes(signature, SIGNATURE_BYTES);
  const publicKey = bytes && publicKeyOf(key);
  if (publicKey === undefined) return false;
  return verify(null, signedBytes(topic, payload), publicKey, bytes!);
}

/**
 * Returns whether a text is a public key that can be trusted to mean one
 * person: canonical base64url of 32 bytes, and no point of small order.
 *
 * @param key Any string.
 * @returns Whether it is.
 */
export function isPublicKey(key: string): boolean {
  return publicKeyOf(key) !== undefined;
}

/**
 * Returns the fingerprint of a key: the first 32 bits of its SHA-256, as
 * `3F7A 9C21`.
 *
 * @param key The public key in base64url.
 * @returns Eight hexadecimal digits in two groups.
 */
export function fingerprint(key: string): string {
  const digest = createHash("sha256").update(Buffer.from(key, "base64url"))
    .digest("hex").toUpperCase();
  return `${digest.slice(0, 4)} ${digest.slice(4, 8)}`;
}

/** The signed bytes: each member behind its length, so none can be shifted. */
function signedBytes(topic: string, payload: Payload): Uint8Array {
  const { type, from, id = "", at = "" } = payload;
  const text = type === "message" ? payload.message : payload.notice;
  // RabbitMQ and NATS rewrite dots of a topic.
  const members = [topic.replaceAll(".", "/"), type, from, text, id, at];
  return Buffer.concat([CONTEXT, ...members.flatMap(lengthAndBytes)]);
}

function lengthAndBytes(text: string): Uint8Array[] {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
}

/** Decodes base64url; undefined if it is not the one spelling of that many bytes. */
function canonicalBytes(text: string, length: number): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  const isCanonical = bytes.length === length &&
    bytes.toString("base64url") === text;
  return isCanonical ? bytes : undefined;
}

function publicKeyOf(key: string): KeyObject | undefined {
  const known = keys.get(key);
  if (known !== undefined) return known;
  const bytes = canonicalBytes(key, KEY_BYTES);
  if (bytes === undefined) return undefined;
  const y = Buffer.from(bytes);
  y[KEY_BYTES - 1] &= 0x7f;
  if (SMALL_ORDER.has(y.toString("hex"))) return undefined;
  const der = Buffer.concat([SPKI_PREFIX, bytes]);
  try {
    const made = createPublicKey({ key: der, format: "der", type: "spki" });
    if (keys.size >= MAX_KEYS) keys.clear();
    keys.set(key, made);
    return made;
  } catch {
    // Deno refuses bytes that are no point of the curve.
    return undefined;
  }
}
