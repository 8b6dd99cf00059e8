/**
 * Certificates for tests, from authorities that exist for as long as the test:
 * made by the `openssl` command (3.0 or later) in a folder of their own.
 */

export interface Identity {
  cert: string;
  key: string;
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

/** Keys that Mosquitto doesn't read. */
const OWN_KEYS = ["client.key", "stranger.key", "revoked.key"];

/** Certificates, good and bad. Disposing of them removes the files. */
export class Certificates implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "mqtt-chat-tls-" });
  readonly ca = `${this.folder}/ca.pem`;
  readonly otherCa = `${this.folder}/other-ca.pem`;
  /** The list of what {@link ca} has revoked. */
  readonly crl = `${this.folder}/crl.pem`;
  /** Servers': for `localhost` and 127.0.0.1, for others, and one of 2020. */
  readonly server = this.#identity("server");
  readonly wrongName = this.#identity("wrong-name");
  readonly wildcard = this.#identity("wildcard");
  readonly expired = this.#identity("expired");
  /** Clients': the stranger's is from {@link otherCa}. */
  readonly client = this.#identity("client");
  readonly revoked = this.#identity("revoked");
  readonly stranger = this.#identity("stranger");

  /** Makes them all, which takes about a tenth of a second. */
  static async make(): Promise<Certificates> {
    const all = new Certificates();
    await Deno.writeTextFile(`${all.folder}/openssl.cnf`, CONF);
    await Promise.all([
      all.#sign("ca", "authority"),
      all.#sign("other-ca", "authority"),
    ]);
    await Promise.all([
      all.#sign("server", "server", "ca"),
      all.#sign("wrong-name", "elsewhere", "ca"),
      all.#sign("wildcard", "wildcard", "ca"),
      all.#sign("client", "client", "ca"),
      all.#sign("revoked", "client", "ca"),
      all.#sign("stranger", "client", "other-ca"),
      all.#expire(),
    ]);
    await all.#register("-revoke", "revoked.pem");
    await all.#register("-gencrl", "-out", "crl.pem");
    // A broker that is started by root reads them as another user.
    await Deno.chmod(all.folder, 0o755);
    for await (const { name } of Deno.readDir(all.folder)) {
      if (!name.endsWith(".key") || OWN_KEYS.includes(name)) continue;
      await Deno.chmod(`${all.folder}/${name}`, 0o644);
    }
    return all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  #identity(name: string): Identity {
    const path = `${this.folder}/${name}`;
    return { cert: `${path}.pem`, key: `${path}.key` };
  }

  /** Makes a key and a certificate, by an authority or by itself. */
  async #sign(name: string, use: string, by?: string): Promise<void> {
    const ca = by ? ["-CA", `${by}.pem`, "-CAkey", `${by}.key`] : [];
    const days = ["-x509", "-days", "2", "-extensions", use];
    await this.#request(name, ...days, ...ca, "-out", `${name}.pem`);
  }

  async #request(name: string, ...args: string[]): Promise<void> {
    await this.#openssl(
      ...["req", "-config", "openssl.cnf", "-subj", `/CN=${name}`],
      // Elliptic curves take milliseconds.
      ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
      ...["-nodes", "-keyout", `${name}.key`, ...args],
    );
  }

  /** `openssl ca` alone takes dates in the past, and it wants its registry. */
  async #expire(): Promise<void> {
    await Deno.writeTextFile(`${this.folder}/registry.txt`, "");
    await this.#request("expired", "-out", "expired.csr");
    await this.#register(
      ...["-batch", "-notext", "-create_serial", "-extensions", "server"],
      ...["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"],
      ...["-in", "expired.csr", "-out", "expired.pem"],
    );
  }

  async #register(...args: string[]): Promise<void> {
    const ca = ["ca", "-config", "openssl.cnf", "-cert", "ca.pem"];
    await this.#openssl(...ca, "-keyfile", "ca.key", ...args);
  }

  async #openssl(...args: string[]): Promise<void> {
    const options = { args, cwd: this.folder, stdout: "null" } as const;
    const { success, stderr } = await new Deno.Command("openssl", options)
      .output();
    if (success) return;
    const reason = new TextDecoder().decode(stderr).trim();
    throw new Error(`openssl ${args.join(" ")} failed: ${reason}`);
  }
}
