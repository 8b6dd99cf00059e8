/**
 * Certificates for tests, from authorities that exist for as long as the test:
 * made by the `openssl` command (3.0 or later) in a folder of their own.
 */

export interface Identity {
  cert: string;
  key: string;
}

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
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
[elsewhere]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:elsewhere.example
[wildcard]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:*.elsewhere.example
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

/** Certificates, good and bad. Disposing of them removes the files. */
export class Certificates implements AsyncDisposable {
  /** Servers': for `localhost` and 127.0.0.1, for others, and one of 2020. */
  readonly server = this.#identity("server");
  readonly wrongName = this.#identity("wrong-name");
  readonly wildcard = this.#identity("wildcard");
  readonly expired = this.#identity("expired");
  /** Clients': the stranger's is from {@link otherCa}. */
  readonly client = this.#identity("client");
  readonly revoked = this.#identity("revoked");
  readonly stranger = this.#identity("stranger");

  private constructor(readonly folder: string) {}

  #identity(name: string): Identity {
    const path = `${this.folder}/${name}`;
    return { cert: `${path}.pem`, key: `${path}.key` };
  }

  /** Makes them all, which takes about a tenth of a second. */
  static async make(): Promise<Certificates> {
    const folder = await Deno.makeTempDir({ prefix: "mqtt-chat-tls-" });
    const certificates = new Certificates(folder);
    await Deno.writeTextFile(`${folder}/openssl.cnf`, CONF);
    await Promise.all([
      openssl(folder, ...selfSigned("ca")),
      openssl(folder, ...selfSigned("other-ca")),
    ]);
    await Promise.all([
      openssl(folder, ...signed("server", "server", "ca")),
      openssl(folder, ...signed("wrong-name", "elsewhere", "ca")),
      openssl(folder, ...signed("wildcard", "wildcard", "ca")),
      openssl(folder, ...signed("client", "client", "ca")),
      openssl(folder, ...signed("revoked", "client", "ca")),
      openssl(folder, ...signed("stranger", "client", "other-ca")),
      expired(folder),
    ]);
    const ca = ["ca", "-config", "openssl.cnf", "-cert", "ca.pem"];
    const registry = [...ca, "-keyfile", "ca.key"];
    await openssl(folder, ...registry, "-revoke", "revoked.pem");
    await openssl(folder, ...registry, "-gencrl", "-out", "crl.pem");
    await certificates.#openToReaders();
    return certificates;
  }

  get ca(): string {
    return `${this.folder}/ca.pem`;
  }

  get otherCa(): string {
    return `${this.folder}/other-ca.pem`;
  }

  /** The list of what {@link ca} has revoked. */
  get crl(): string {
    return `${this.folder}/crl.pem`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  /** Lets the user read them that a broker started by root becomes. */
  async #openToReaders(): Promise<void> {
    await Deno.chmod(this.folder, 0o755);
    for await (const { name } of Deno.readDir(this.folder)) {
      if (name.endsWith(".key") && !OWN_KEYS.includes(name)) {
        await Deno.chmod(`${this.folder}/${name}`, 0o644);
      }
    }
  }
}

/** Keys that Mosquitto doesn't read. */
const OWN_KEYS = ["client.key", "stranger.key", "revoked.key"];

/** Arguments that make a new key: elliptic curves take milliseconds. */
function newKey(name: string): string[] {
  return [
    ...["req", "-config", "openssl.cnf", "-subj", `/CN=${name}`],
    ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    ...["-nodes", "-keyout", `${name}.key`],
  ];
}

function selfSigned(name: string): string[] {
  const use = ["-x509", "-days", "2", "-extensions", "authority"];
  return [...newKey(name), ...use, "-out", `${name}.pem`];
}

function signed(name: string, use: string, by: string): string[] {
  return [
    ...newKey(name),
    ...["-x509", "-days", "2", "-extensions", use],
    ...["-CA", `${by}.pem`, "-CAkey", `${by}.key`, "-out", `${name}.pem`],
  ];
}

/** `openssl ca` alone takes dates in the past, and it wants its registry. */
async function expired(folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/registry.txt`, "");
  await openssl(folder, ...newKey("expired"), "-out", "expired.csr");
  await openssl(
    folder,
    ...["ca", "-config", "openssl.cnf", "-batch", "-notext"],
    ...["-cert", "ca.pem", "-keyfile", "ca.key", "-create_serial"],
    ...["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"],
    ...["-extensions", "server", "-in", "expired.csr", "-out", "expired.pem"],
  );
}

async function openssl(folder: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args,
    cwd: folder,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return;
  const reason = new TextDecoder().decode(stderr).trim();
  throw new Error(`openssl ${args.join(" ")} failed: ${reason}`);
}
