/** What one HTTP door bears. Times in ms. */
export interface HttpLimits {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  /** From the first byte of a request to the end of its head. */
  readonly headersMs: number;
  /** From the first byte of a request to its last. */
  readonly requestMs: number;
  /** How often the two times above are looked at. */
  readonly checkEveryMs: number;
  /** How long a connection may be silent between two requests. */
  readonly keepAliveMs: number;
  /** How long a client may leave its answer unread. */
  readonly unreadMs: number;
  /** How long a client that gets its answer early may go on sending. */
  readonly lingerMs: number;
  readonly connectionsMax: number;
  /** Unanswered requests of one connection; beyond it the connection is not read. */
  readonly pipelinedMax: number;
  /** Bodies of all requests that are not answered yet. */
  readonly bodiesBytesMax: number;
  /** Answers of all connections that are not sent yet. */
  readonly answersBytesMax: number;
  /** The same of one connection; beyond it its further requests wait. */
  readonly connectionAnswersBytesMax: number;
}

export type GivenHttpLimits = Pick<HttpLimits, 'keyBytesMax' | 'valueBytesMax'> &
  Partial<HttpLimits>;

const MIB = 1_048_576;

/** Request line and headers together. */
export const HEAD_BYTES_MAX = 32 * 1_024;

const DEFAULTS: Omit<HttpLimits, 'keyBytesMax' | 'valueBytesMax'> = {
  headersMs: 10_000,
  requestMs: 30_000,
  checkEveryMs: 1_000,
  keepAliveMs: 65_000,
  unreadMs: 30_000,
  lingerMs: 1_000,
  connectionsMax: 4_096,
  pipelinedMax: 1_024,
  bodiesBytesMax: 256 * MIB,
  answersBytesMax: 256 * MIB,
  connectionAnswersBytesMax: MIB / 2,
};

export function completeLimits(given: GivenHttpLimits): HttpLimits {
  return { ...DEFAULTS, ...given };
}
