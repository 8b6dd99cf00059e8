/** The secret of the tests' sealed rooms, in a file. */

/** The secret; that of the first vector of docs/sealed-rooms.md, too. */
export const SECRET = "correct horse battery staple";

/** A file with a secret that goes away with this. */
export class SecretFile implements AsyncDisposable {
  readonly path = Deno.makeTempFileSync();
  /** The flag that names it, and the permissions that this takes. */
  readonly flag = ["--secret-file", this.path];
  readonly permissions = ["-N", `-R=${this.path}`];

  constructor(content: string | Uint8Array = `${SECRET}\n`) {
    if (typeof content === "string") Deno.writeTextFileSync(this.path, content);
    else Deno.writeFileSync(this.path, content);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path);
  }
}
