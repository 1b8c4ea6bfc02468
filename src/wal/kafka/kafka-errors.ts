import { ServiceError, type WriteOutcome } from '../../errors.ts';

/** An error of node-rdkafka. Those of reports and events carry the code -1 always; their text is right. */
export interface KafkaClientError {
  readonly message: string;
  readonly code?: number;
}

export const KAFKA_CODE = {
  timedOut: -185,
  queueFull: -184,
  unknownPartition: -190,
  unknownTopic: -188,
  state: -172,
  purgedInQueue: -152,
  fatal: -150,
  unknownTopicOrPartition: 3,
  tooLarge: 10,
  batchTooLarge: 18,
  groupAuthorization: 30,
  invalidTimestamp: 32,
  outOfOrderSequence: 45,
  invalidRecord: 87,
} as const;

/** The client's own texts, lower-cased and without `Local: ` or `Broker: `. */
const CODES_BY_TEXT: ReadonlyMap<string, number> = new Map([
  ['timed out', KAFKA_CODE.timedOut],
  ['queue full', KAFKA_CODE.queueFull],
  ['unknown partition', KAFKA_CODE.unknownPartition],
  ['unknown topic', KAFKA_CODE.unknownTopic],
  ['erroneous state', KAFKA_CODE.state],
  ['purged in queue', KAFKA_CODE.purgedInQueue],
  ['fatal error', KAFKA_CODE.fatal],
  ['unknown topic or partition', KAFKA_CODE.unknownTopicOrPartition],
  ['message size too large', KAFKA_CODE.tooLarge],
  ['message batch larger than configured server segment size', KAFKA_CODE.batchTooLarge],
  ['group authorization failed', KAFKA_CODE.groupAuthorization],
  ['invalid timestamp', KAFKA_CODE.invalidTimestamp],
  ['broker received an out of order sequence number', KAFKA_CODE.outOfOrderSequence],
  ['broker failed to validate record', KAFKA_CODE.invalidRecord],
]);

/** Failures that say by their nature that no attempt has put the record into the log. */
const NOT_WRITTEN: ReadonlySet<number> = new Set([
  KAFKA_CODE.queueFull,
  KAFKA_CODE.unknownPartition,
  KAFKA_CODE.unknownTopic,
  KAFKA_CODE.unknownTopicOrPartition,
  KAFKA_CODE.purgedInQueue,
  KAFKA_CODE.tooLarge,
  KAFKA_CODE.batchTooLarge,
  KAFKA_CODE.invalidTimestamp,
  KAFKA_CODE.invalidRecord,
]);

const GONE: ReadonlySet<number> = new Set([
  KAFKA_CODE.unknownPartition,
  KAFKA_CODE.unknownTopic,
  KAFKA_CODE.unknownTopicOrPartition,
]);

const RETRY_AFTER_S = 1;

/** The error's real code, from its text where the client lost it; -1 where nothing tells. */
export function codeOf(error: KafkaClientError): number {
  if (error.code !== undefined && error.code !== -1) return error.code;
  const text = error.message.toLowerCase().replace(/^(local|broker|kafka): /, '');
  return CODES_BY_TEXT.get(text) ?? -1;
}

/** The producer that met this can never write again. */
export function isFatal(error: KafkaClientError): boolean {
  return codeOf(error) === KAFKA_CODE.fatal || /fatal error/i.test(error.message);
}

/** The topic or a partition of it is not there (any more). */
export function saysGone(error: KafkaClientError): boolean {
  return GONE.has(codeOf(error));
}

/** What became of a write whose delivery report is this error. Whatever is doubtful is unknown. */
export function outcomeOf(error: KafkaClientError): WriteOutcome {
  return NOT_WRITTEN.has(codeOf(error)) ? 'not_written' : 'unknown';
}

/** The answer to a write that the client (or through it the broker) has refused or lost. */
export function writeFailure(error: KafkaClientError, outcome = outcomeOf(error)): ServiceError {
  const code = codeOf(error);
  if (code === KAFKA_CODE.queueFull) return overloaded();
  if (code === KAFKA_CODE.tooLarge || code === KAFKA_CODE.batchTooLarge) {
    return new ServiceError('too_large', 'The record is larger than the topic takes', {
      cause: error,
      outcome,
    });
  }
  return new ServiceError('log_unavailable', `The log did not take the record: ${error.message}`, {
    cause: error,
    outcome,
    retryAfterS: RETRY_AFTER_S,
  });
}

export function overloaded(): ServiceError {
  return new ServiceError('overloaded', 'Too many writes wait for the log', {
    outcome: 'not_written',
    retryAfterS: RETRY_AFTER_S,
  });
}

export function unavailable(message: string, outcome: WriteOutcome): ServiceError {
  return new ServiceError('log_unavailable', message, { outcome, retryAfterS: RETRY_AFTER_S });
}
