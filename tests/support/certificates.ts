/**
 * Certificates for tests, from authorities that exist for as long as the test:
 * made by the `openssl` command (3.0 or later) in a folder of their own.
 */

import { Folder } from "./keys.ts";
import { spawn } from "./processes.ts";

interface Identity {
  cert: string;
  key: string;
  /** The lines of a Mosquitto's listener that show it. */
  lines: string[];
}

const server = (names: string) => `
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = ${names}`;

/** How `openssl` is to fill certificates in; one section for each purpose. */
const CONF = `
[req]
distinguished_name = name
prompt = no
[name]
commonName = ignored, -subj says it
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]${server("DNS:localhost, IP:127.0.0.1")}
[elsewhere]${server("DNS:elsewhere.example")}
[wildcard]${server("DNS:*.elsewhere.example")}
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
[ca]
default_ca = registry
[registry]
database = registry.txt
serial = registry.serial
new_certs_dir = .
default_md = sha256
policy = any
default_crl_days = 1
[any]
commonName = supplied
`;

/** Makes them all, which takes about a tenth of a second. */
const SCRIPT = `
request() {
  name=$1
  shift
  # Elliptic curves take milliseconds.
  openssl req -config openssl.cnf -subj "/CN=$name" -nodes -keyout "$name.key" \
    -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "$@"
}
# sign NAME USE [AUTHORITY]
sign() {
  request "$1" -x509 -days 2 -extensions "$2" -out "$1.pem" \
    \${3:+-CA "$3.pem" -CAkey "$3.key"}
}
register() {
  openssl ca -config openssl.cnf -cert ca.pem -keyfile ca.key "$@"
}
sign ca authority
sign other-ca authority
sign server server ca
sign wrong-name elsewhere ca
sign wildcard wildcard ca
sign client client ca
sign revoked client ca
sign stranger client other-ca
# Only "openssl ca" takes dates in the past, and it wants its registry.
: >registry.txt
request expired -out expired.csr
register -batch -notext -create_serial -extensions server -in expired.csr \
  -out expired.pem -startdate 20200101000000Z -enddate 20200102000000Z
register -revoke revoked.pem
register -gencrl -out crl.pem
# A broker that is started by root reads these as another user.
chmod 755 .
chmod 644 *.pem server.key wrong-name.key wildcard.key expired.key
`;

/** Certificates, good and bad. Disposing of them removes the files. */
export class Certificates extends Folder {
  readonly ca = `${this.path}/ca.pem`;
  readonly otherCa = `${this.path}/other-ca.pem`;
  /** The list of what {@link ca} has revoked. */
  readonly crl = `${this.path}/crl.pem`;
  /** Servers': for `localhost` and 127.0.0.1, for others, and one of 2020. */
  readonly server = this.#identity("server");
  readonly wrongName = this.#identity("wrong-name");
  readonly wildcard = this.#identity("wildcard");
  readonly expired = this.#identity("expired");
  /** Clients': the stranger's is from {@link otherCa}. */
  readonly client = this.#identity("client");
  readonly revoked = this.#identity("revoked");
  readonly stranger = this.#identity("stranger");

  static async make(): Promise<Certificates> {
    const all = new Certificates();
    all.write("openssl.cnf", CONF);
    await using sh = spawn("sh", ["-ec", SCRIPT], { cwd: all.path });
    const { code, stderr } = await sh.finish();
    if (code !== 0) throw new Error(`No certificates: ${stderr}`);
    return all;
  }

  #identity(name: string): Identity {
    const cert = `${this.path}/${name}.pem`;
    const key = `${this.path}/${name}.key`;
    return { cert, key, lines: [`certfile ${cert}`, `keyfile ${key}`] };
  }
}
