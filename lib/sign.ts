/**
 * Signs payloads with a member's key and verifies them, as docs/wire-format.md
 * specifies. Loads node:crypto at the first use.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import process from "node:process";
import type { Payload, RollCall } from "./protocol.ts";

const crypto = () => process.getBuiltinModule("node:crypto");

/** The first of the signed bytes: ties a signature to this format. */
const CONTEXT = Buffer.from("mqtt-chat/sig/1\0");

/** y of the points of small order: one signature fits many payloads there. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  ...["00", "01"].map((first) => first + "00".repeat(31)),
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  ...["ec", "ed", "ee"].map((first) => first + "ff".repeat(30) + "7f"),
]);

/** Keys that were parsed, which takes as long as verifying. */
const keys = new Map<string, KeyObject>();

/** Signs payloads with one key. */
export class Signer {
  /** The public key: 32 bytes in base64url, 43 characters. */
  readonly key: string;
  readonly #private: KeyObject;

  private constructor(privateKey: KeyObject) {
    this.#private = privateKey;
    this.key = crypto().createPublicKey(privateKey)
      .export({ format: "jwk" }).x!;
  }

  /**
   * Makes a signer with a new key.
   *
   * @returns The signer.
   */
  static generate(): Signer {
    return new Signer(crypto().generateKeyPairSync("ed25519").privateKey);
  }

  /**
   * Makes a signer with the key of a file, as
   * `openssl genpkey -algorithm ed25519` writes it.
   *
   * @param pem The file's text: PEM, PKCS #8, not encrypted.
   * @returns The signer.
   * @throws {Error} When the text has no Ed25519 key.
   */
  static fromPem(pem: string): Signer {
    const key = crypto().createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return new Signer(key);
    throw new TypeError("not an Ed25519 key");
  }

  /**
   * Signs a payload for a topic.
   *
   * @param topic The topic it is published to.
   * @param payload The payload with its final `id` and `at`.
   * @returns The signature: 64 bytes in base64url, 86 characters.
   */
  sign(topic: string, payload: Payload | RollCall): string {
    return crypto().sign(null, signedBytes(topic, payload), this.#private)
      .toString("base64url");
  }
}

/**
 * Verifies the signature of a payload. Never throws.
 *
 * @param topic The topic it arrived on.
 * @param payload The payload with its members `key` and `sig`.
 * @returns Whether the holder of the key signed this payload for this topic.
 */
export function isSigned(topic: string, payload: Payload | RollCall): boolean {
  const bytes = canonicalBytes(payload.sig, 64);
  const key = bytes && publicKeyOf(payload.key);
  return key !== undefined &&
    crypto().verify(null, signedBytes(topic, payload), key, bytes!);
}

/**
 * Returns whether a text is a public key that can mean one person: canonical
 * base64url of 32 bytes, and no point of small order.
 *
 * @param key Any string.
 * @returns Whether it is.
 */
export function isPublicKey(key: string): boolean {
  return publicKeyOf(key) !== undefined;
}

/**
 * Returns the fingerprint of a key, as `3F7A 9C21`.
 *
 * @param key The public key in base64url.
 * @returns The first 32 bits of its SHA-256: hexadecimal digits in two groups.
 */
export function fingerprint(key: string): string {
  const digest = crypto().createHash("sha256")
    .update(Buffer.from(key, "base64url")).digest("hex").toUpperCase();
  return `${digest.slice(0, 4)} ${digest.slice(4, 8)}`;
}

/** The signed bytes: each member behind its length, so none can be shifted. */
function signedBytes(topic: string, payload: Payload | RollCall): Uint8Array {
  const { type, id = "", at = "" } = payload;
  const [from, text] = "name" in payload
    ? [payload.name, ""]
    : [payload.from, "message" in payload ? payload.message : payload.notice];
  // RabbitMQ and NATS turn dots of a topic into slashes.
  const members = [topic.replaceAll(".", "/"), type, from, text, id, at];
  const parts = members.flatMap((member) => {
    const bytes = Buffer.from(member);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return [length, bytes];
  });
  return Buffer.concat([CONTEXT, ...parts]);
}

/** Decodes base64url that is the one spelling of so many bytes. */
function canonicalBytes(text = "", length: number): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  const isSame = bytes.toString("base64url") === text;
  return isSame && bytes.length === length ? bytes : undefined;
}

function publicKeyOf(key = ""): KeyObject | undefined {
  if (keys.has(key)) return keys.get(key);
  const y = canonicalBytes(key, 32) ?? Buffer.alloc(32);
  y[31] &= 0x7f; // without the sign of x
  if (SMALL_ORDER.has(y.toString("hex"))) return undefined;
  try {
    const jwk = { kty: "OKP", crv: "Ed25519", x: key };
    if (keys.size >= 1_024) keys.clear();
    keys.set(key, crypto().createPublicKey({ key: jwk, format: "jwk" }));
  } catch {
    // Deno refuses bytes that are no point of the curve.
  }
  return keys.get(key);
}
