import type { IncomingMessage } from 'node:http';
import { ServiceError } from '../errors.ts';

const METHODS = 'GET, HEAD, POST, DELETE';
const SENT_HEADERS = 'Content-Type, Bitacora-After';
const SEEN_HEADERS = [
  'Bitacora-Version',
  'Bitacora-Timestamp',
  'Bitacora-Position',
  'Bitacora-Deleted',
  'Bitacora-Read',
  'Bitacora-Log',
  'Retry-After',
].join(', ');
const PREFLIGHT_AGE_S = 600;

const NONE: readonly string[] = [];

/** Which web pages may call. Requests of other programs carry no `Origin`. */
export class Origins {
  readonly #allowed: ReadonlySet<string>;

  constructor(allowed: readonly string[]) {
    this.#allowed = new Set(allowed);
  }

  /** Headers (names and values in turn) for the answer. ServiceError `origin`. */
  admit(request: IncomingMessage): readonly string[] {
    const { origin } = request.headers;
    if (origin === undefined) return NONE;
    if (!this.#allowed.has(origin)) {
      throw new ServiceError('origin', 'Requests of this browser origin are not allowed');
    }
    return [
      'Access-Control-Allow-Origin',
      origin,
      'Vary',
      'Origin',
      'Access-Control-Expose-Headers',
      SEEN_HEADERS,
    ];
  }
}

/** A browser asks whether it may send a request. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  );
}

export const PREFLIGHT_HEADERS: readonly string[] = [
  'Access-Control-Allow-Methods',
  METHODS,
  'Access-Control-Allow-Headers',
  SENT_HEADERS,
  'Access-Control-Max-Age',
  String(PREFLIGHT_AGE_S),
];
