/** Keys of the tests' members, the secret of their rooms, files and folders. */

/** The private key of RFC 8032, 7.1, test 1, as openssl writes it. */
export const PEM = [
  "-----BEGIN PRIVATE KEY-----",
  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g",
  "-----END PRIVATE KEY-----\n",
].join("\n");

export const KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

export class TextFile implements AsyncDisposable {
  readonly path = Deno.makeTempFileSync();

  constructor(content: string | Uint8Array) {
    if (typeof content === "string") Deno.writeTextFileSync(this.path, content);
    else Deno.writeFileSync(this.path, content);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path);
  }
}

export class Folder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync();

  write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.path}/${name}`, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** The secret; that of the first vector of docs/sealed-rooms.md, too. */
export const SECRET = "correct horse battery staple";

export class SecretFile extends TextFile {
  /** The flag that names it, and the permissions that this takes. */
  readonly flag = ["--secret-file", this.path];
  readonly permissions = ["-N", `-R=${this.path}`];

  constructor(content: string | Uint8Array = `${SECRET}\n`) {
    super(content);
  }
}
