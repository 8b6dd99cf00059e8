import { assertEquals } from "@std/assert";
import { parseBroker } from "../../lib/mqtt/address.ts";
import { certificateFault } from "../../lib/mqtt/stream.ts";

const pem = (label: string, base64: string) =>
  `-----BEGIN ${label}-----\n${base64.trim()}\n-----END ${label}-----\n`;

/** The key of the certificates, which are valid from 2026-11-28 for a year. */
const KEY = pem(
  "PRIVATE KEY",
  `
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghXWaKyvYQdvFUxQn
dRVrEj5zQGpTXYt5I841vL+eE0GhRANCAATmNsg1IWvoGgLYrb/KF+C7czAQ4pUt
5MKtczU7KSqQza50Om6dZyjPcqcxO6IaqSn8Kbwz36yw2k4I0hdFuRZr`,
);

/** Signed by "Example CA" for localhost, *.chat.example and 127.0.0.2. */
const NAMED = pem(
  "CERTIFICATE",
  `
MIIBazCCARGgAwIBAgIBATAKBggqhkjOPQQDAjAVMRMwEQYDVQQDDApFeGFtcGxl
IENBMB4XDTI2MTEyODIyMTY0MloXDTI3MTEyODIyMTY0MlowDzENMAsGA1UEAwwE
Y2hhdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOY2yDUha+gaAtitv8oX4Ltz
MBDilS3kwq1zNTspKpDNrnQ6bp1nKM9ypzE7ohqpKfwpvDPfrLDaTgjSF0W5Fmuj
WDBWMAkGA1UdEwQCMAAwKgYDVR0RBCMwIYIJbG9jYWxob3N0gg4qLmNoYXQuZXhh
bXBsZYcEfwAAAjAdBgNVHQ4EFgQU1xve4BNrYw6yxyTvtY8fzcdni8cwCgYIKoZI
zj0EAwIDSAAwRQIhAO1sCZK1S5qx1Q/JOhuyKy7NOE/1nYHh5ekDwX7IKyVyAiAL
it4UywaA0JaQ1GrChsYnpXL/BAzlJROHLug0veN8UQ==`,
);

/** Signed by an authority without a name, for localhost in its subject alone. */
const PLAIN = pem(
  "CERTIFICATE",
  `
MIIBQTCB56ADAgECAgECMAoGCCqGSM49BAMCMBIxEDAOBgNVBAoMB0V4YW1wbGUw
HhcNMjYxMTI4MjIxNjQyWhcNMjcxMTI4MjIxNjQyWjAUMRIwEAYDVQQDDAlsb2Nh
bGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATmNsg1IWvoGgLYrb/KF+C7
czAQ4pUt5MKtczU7KSqQza50Om6dZyjPcqcxO6IaqSn8Kbwz36yw2k4I0hdFuRZr
oywwKjAJBgNVHRMEAjAAMB0GA1UdDgQWBBTXG97gE2tjDrLHJO+1jx/Nx2eLxzAK
BggqhkjOPQQDAgNJADBGAiEA/CtIXm5N7BhV6cKjtcuR+R+yOst0KHlYyazlPxdh
hO0CIQCcj2Nxlzpb9JUJAnMai3z1n0tyCD3imQ00dsrPXXgw5g==`,
);

const VALID = "2027-06-01";

/** Certificate, host, the day it is looked at, and what is said. */
const CASES: [cert: string, host: string, day: string, fault: string][] = [
  [
    NAMED,
    "localhost",
    VALID,
    "its certificate is signed by Example CA, an authority not trusted here; " +
    "name the authority's PEM file with --cafile",
  ],
  [
    PLAIN,
    "localhost",
    VALID,
    "its certificate is signed by no name, an authority not trusted here; " +
    "name the authority's PEM file with --cafile",
  ],
  [
    NAMED,
    "127.0.0.1",
    VALID,
    "its certificate is not valid for 127.0.0.1; valid for localhost, " +
    "*.chat.example, 127.0.0.2: use such a name with --host",
  ],
  [
    PLAIN,
    "127.0.0.1",
    VALID,
    "its certificate is not valid for 127.0.0.1; valid for localhost: use " +
    "such a name with --host",
  ],
  [
    NAMED,
    "127.0.0.1",
    "2027-11-29",
    "its certificate expired on 2027-11-28; the broker needs a new one, and " +
    "no flag helps",
  ],
  [
    NAMED,
    "127.0.0.1",
    "2026-11-28",
    "its certificate is valid only from 2026-11-28; is the clock right?",
  ],
];

for (const [cert, host, day, fault] of CASES) {
  Deno.test(`certificate: ${fault}`, async () => {
    using listener = Deno.listenTls({
      hostname: "127.0.0.1",
      port: 0,
      cert,
      key: KEY,
    });
    const served = (async () => {
      using connection = await listener.accept();
      await connection.handshake();
      await connection.read(new Uint8Array(1)).catch(() => {});
    })();
    const { port } = listener.addr as Deno.NetAddr;
    const broker = parseBroker(`mqtts://${host}:${port}`);
    assertEquals(await certificateFault(broker, {}, new Date(day)), fault);
    await served;
  });
}
