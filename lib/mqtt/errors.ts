/**
 * The errors of a connection and of what is sent over it.
 *
 * @module
 */

/** No broker could be reached, none spoke MQTT with us, or none answers. */
export class UnreachableError extends Error {
  static {
    this.prototype.name = "UnreachableError";
  }
}

/** The broker doesn't let this user in, or read any of the rooms. */
export class NotAuthorizedError extends Error {
  static {
    this.prototype.name = "NotAuthorizedError";
  }
}

/** The broker refuses the connection for a reason other than the user. */
export class RefusedError extends Error {
  static {
    this.prototype.name = "RefusedError";
  }
}

/** MQTT's reason code for want of rights (MQTT 5 §2.4). */
const NOT_AUTHORIZED = 0x87;

/** A message the broker did not take. */
export class PublishError extends Error {
  static {
    this.prototype.name = "PublishError";
  }

  /** MQTT's reason code (MQTT 5 §2.4), where the broker gave one. */
  readonly reasonCode?: number;

  /**
   * Makes an error of a sentence.
   *
   * @param message The sentence.
   * @param reasonCode MQTT's reason code, if there is one.
   */
  constructor(message: string, reasonCode?: number) {
    super(message);
    this.reasonCode = reasonCode;
  }

  /** Whether the broker refused for want of rights. */
  get isDenied(): boolean {
    return this.reasonCode === NOT_AUTHORIZED;
  }
}

/** A message nobody answered before the connection ended for good. */
export class AbandonedError extends PublishError {
  static {
    this.prototype.name = "AbandonedError";
  }
}
