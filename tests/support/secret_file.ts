/** The secret of the tests' sealed rooms, in a file. */

import { TextFile } from "./keys.ts";

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
