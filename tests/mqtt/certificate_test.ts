import { assertEquals } from "@std/assert";
import {
  type CertificateFacts,
  describeCertificate,
} from "../../lib/mqtt/stream.ts";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { pureTests } from "../support/pure.ts";

const test = pureTests("certificate");

const NOW = new Date("2026-06-01T12:00:00Z");

/** A certificate that nothing is wrong with but its signer. */
const GOOD = {
  valid_from: "Jan  1 00:00:00 2026 GMT",
  valid_to: "Dec 31 23:59:59 2026 GMT",
  subject: { CN: "chat.example" },
  issuer: { CN: "Example CA" },
  subjectaltname: "DNS:chat.example, DNS:localhost, IP Address:127.0.0.1",
} as CertificateFacts;

const UNTRUSTED = "its certificate is signed by Example CA, an authority not " +
  "trusted here; name the authority's PEM file with --cafile";

/** What is different about a certificate, the host, and what is said. */
const CASES: [string, Partial<CertificateFacts>, string, string][] = [
  ["an unknown authority", {}, "chat.example", UNTRUSTED],
  ["another of its names", {}, "localhost", UNTRUSTED],
  ["one of its addresses", {}, "127.0.0.1", UNTRUSTED],
  [
    "an authority without a name",
    { issuer: {} as CertificateFacts["issuer"] },
    "localhost",
    UNTRUSTED.replace("Example CA", "no name"),
  ],
  [
    "another name",
    {},
    "example",
    "its certificate is not valid for example; valid for chat.example, " +
    "localhost, 127.0.0.1: use such a name with --host",
  ],
  [
    "another name, of those before there were several",
    { subjectaltname: undefined },
    "localhost",
    "its certificate is not valid for localhost; valid for chat.example: " +
    "use such a name with --host",
  ],
  ["the only name", { subjectaltname: undefined }, "chat.example", UNTRUSTED],
  [
    "expired, whatever else",
    { valid_to: "May 31 23:59:59 2026 GMT" },
    "elsewhere",
    "its certificate expired on 2026-05-31; the broker needs a new one, and " +
    "no flag helps",
  ],
  [
    "not valid yet",
    { valid_from: "Jun  2 00:00:00 2026 GMT" },
    "localhost",
    "its certificate is valid only from 2026-06-02; is the clock right?",
  ],
  [
    "a wildcard for the host",
    { subjectaltname: "DNS:*.chat.example" },
    "one.chat.example",
    UNTRUSTED,
  ],
  [
    "a wildcard for another host",
    { subjectaltname: "DNS:*.chat.example" },
    "chat.example",
    "its certificate is not valid for chat.example; valid for " +
    "*.chat.example: use such a name with --host",
  ],
];

for (const [name, difference, host, expected] of CASES) {
  test(name, () => {
    const facts = { ...GOOD, ...difference };
    const isForHost =
      checkServerIdentity(host, facts as PeerCertificate) === undefined;
    assertEquals(describeCertificate(facts, host, isForHost, NOW), expected);
  });
}
