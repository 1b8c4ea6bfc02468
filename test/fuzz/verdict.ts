/** What the answers on one connection were found to be. */
export interface Verdict {
  /** The client was served: it got through Avro's handshake, or an answer to a well-formed request. */
  readonly passed: boolean;
  /** What each answer says. */
  readonly answers: readonly string[];
  /** Promises that were broken. */
  readonly violations: readonly string[];
}

/**
 * How it came to an end: the door closed (`ended`) or reset the connection (`broken off`), was
 * silent while the client waited, or did not close for long; or the client gave up.
 */
export type End = 'ended' | 'broken off' | 'silent' | 'hangs' | 'given up';

export interface Heard {
  readonly received: Buffer;
  readonly end: End;
}
