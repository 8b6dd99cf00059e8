/**
 * Why a broker's certificate is not trusted, in words. Node's TLS says
 * "unable to verify the first certificate" of an expired one too (measured,
 * Deno 2.9), so the certificate is looked at. Touches the network.
 *
 * @module
 */

import type { PeerCertificate } from "node:tls";
import type { Broker, TlsIdentity } from "./address.ts";

/** How long the look at a certificate may take, in milliseconds. */
const LOOK_MS = 5_000;

/**
 * Says what is wrong with a broker's certificate.
 *
 * @param broker The broker.
 * @param tls What the connection trusted.
 * @param now The time to judge it by.
 * @returns Part of a sentence, with what to do; undefined when the broker
 * shows no certificate.
 */
export async function certificateFault(
  broker: Broker,
  tls: TlsIdentity,
  now: Date,
): Promise<string | undefined> {
  const certificate = await lookAt(broker, tls);
  return certificate && describeCertificate(certificate, broker.host, now);
}

/** What is read of a certificate: X.509 names and times, as node:tls gives. */
export type CertificateFacts = Pick<
  PeerCertificate,
  "valid_from" | "valid_to" | "issuer" | "subject" | "subjectaltname"
>;

/**
 * Judges a certificate that was not trusted.
 *
 * @param facts What it says.
 * @param host The name it should be for.
 * @param now The time to judge it by.
 * @returns Part of a sentence, with what to do.
 */
export function describeCertificate(
  facts: CertificateFacts,
  host: string,
  now: Date,
): string {
  const [from, to] = [facts.valid_from, facts.valid_to].map(Date.parse);
  if (Number(now) > to) {
    return `its certificate expired on ${day(to)}; the broker needs a new ` +
      "one, and no flag helps";
  }
  if (Number(now) < from) {
    return `its certificate is valid only from ${day(from)}; is the clock ` +
      "right?";
  }
  const names = facts.subjectaltname
    ? facts.subjectaltname.replace(/\b(DNS|IP Address):/g, "")
    : String(facts.subject?.CN);
  const isFor = names.split(", ").includes(host);
  if (!isFor && !names.includes("*")) {
    return `its certificate is for ${names}, not for ${host}; use that name ` +
      "with --host";
  }
  return `its certificate is signed by ${facts.issuer?.CN ?? "somebody"}, an ` +
    "authority not trusted here; name the authority's PEM file with --cafile";
}

/** A day in UTC. */
function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** Connects without trust, sends nothing, and reads the certificate. */
async function lookAt(
  { host, port }: Broker,
  tls: TlsIdentity,
): Promise<CertificateFacts | undefined> {
  const { connect } = await import("node:tls");
  const { isIP } = await import("node:net");
  const { promise, resolve } = Promise.withResolvers<
    CertificateFacts | undefined
  >();
  const socket = connect({
    ...tls,
    host,
    port,
    servername: isIP(host) ? undefined : host,
    rejectUnauthorized: false,
  });
  socket.setTimeout(LOOK_MS, () => resolve(undefined));
  socket.once("error", () => resolve(undefined));
  socket.once("secureConnect", () => resolve(socket.getPeerCertificate()));
  const certificate = await promise;
  socket.destroy();
  return certificate;
}
