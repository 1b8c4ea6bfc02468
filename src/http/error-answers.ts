import { ServiceError, type ServiceErrorCode, type WriteOutcome } from '../errors.ts';

const STATUS: Readonly<Record<ServiceErrorCode, number>> = {
  bad_key: 400,
  bad_value: 400,
  bad_version: 400,
  origin: 403,
  not_found: 404,
  timeout: 408,
  too_large: 413,
  head_too_large: 431,
  storage: 500,
  unreadable: 500,
  not_implemented: 501,
  overloaded: 503,
  log_unavailable: 503,
  recovering: 503,
  not_yet: 503,
};

const RETRY_AFTER_S = 1;

/** An answer that is no data. */
export interface ErrorAnswer {
  readonly status: number;
  /** Default: JSON. */
  readonly type?: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: string;
}

/**
 * The answer to a failed request.
 * @param outcome what became of the write where the error does not say it; undefined for a read
 */
export function errorAnswer(error: ServiceError, outcome: WriteOutcome | undefined): ErrorAnswer {
  const status = STATUS[error.code];
  const { message, code, retryAfterS = RETRY_AFTER_S } = error;
  const known = error.outcome ?? (status >= 500 && status !== 501 ? outcome : undefined);
  return {
    status,
    headers: status === 503 ? ['Retry-After', String(retryAfterS)] : [],
    body: JSON.stringify(
      known === undefined ? { message, code } : { message, code, outcome: known },
    ),
  };
}

/** A request that is no well-formed HTTP. No code of the service names it. */
export function malformedAnswer(message: string, status = 400): ErrorAnswer {
  return { status, headers: [], body: JSON.stringify({ message, code: 'bad_request' }) };
}

/** What is told of a failure that nobody foresaw: nothing of its insides. */
export function unexpectedError(cause: unknown): ServiceError {
  return new ServiceError('storage', 'The node failed to answer; its log says why', { cause });
}
