/**
 * - `unavailable`: no server could be reached, or none could answer, within the deadline. Nothing was written.
 * - `timeout`: a read that no server answered within the deadline.
 * - `unknown_outcome`: a write that was sent and not acknowledged: it may have happened, or may still.
 * - `rejected`: a server, or the client itself, refuses the call; the same call will be refused again.
 * - `closed`: the client is closed.
 */
export type BitacoraErrorCode =
  | 'unavailable'
  | 'timeout'
  | 'unknown_outcome'
  | 'rejected'
  | 'closed';

/** Every error of a {@link BitacoraClient}'s calls. `code` is for programs, `message` for people. */
export class BitacoraError extends Error {
  readonly code: BitacoraErrorCode;

  constructor(code: BitacoraErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'BitacoraError';
    this.code = code;
  }
}
