/** What became of a write that was not acknowledged: it will never appear, or it may still. */
export type WriteOutcome = 'not_written' | 'unknown';

/** Stable codes of the answers that are not data (contract: HTTP errors, Avro error texts). */
export type ServiceErrorCode =
  | 'bad_key'
  | 'bad_value'
  | 'bad_version'
  | 'origin'
  | 'not_found'
  | 'not_implemented'
  | 'timeout'
  | 'too_large'
  | 'head_too_large'
  | 'storage'
  | 'unreadable'
  | 'overloaded'
  | 'log_unavailable'
  | 'recovering'
  | 'not_yet';

export interface ServiceErrorDetails {
  readonly cause?: unknown;
  /** Present on every failed write. */
  readonly outcome?: WriteOutcome;
  readonly retryAfterS?: number;
}

/** A request that gets an error answer. `message` is for the user, `code` for programs. */
export class ServiceError extends Error {
  readonly code: ServiceErrorCode;
  readonly outcome: WriteOutcome | undefined;
  readonly retryAfterS: number | undefined;

  constructor(code: ServiceErrorCode, message: string, details: ServiceErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'ServiceError';
    this.code = code;
    this.outcome = details.outcome;
    this.retryAfterS = details.retryAfterS;
  }
}

/** The log cannot be reached now; the same call may go through later. */
export class LogUnavailableError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'LogUnavailableError';
  }
}

/** Exit codes of the process (contract §1). */
export const EXIT = { ok: 0, failure: 1, refused: 2 } as const;

/** The node must end: `exitCode` 1 for a failure, 2 for settings or data that may not be used. */
export class ExitError extends Error {
  readonly exitCode: 1 | 2;

  constructor(exitCode: 1 | 2, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ExitError';
    this.exitCode = exitCode;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
