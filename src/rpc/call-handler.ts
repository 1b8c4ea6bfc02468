import { isUtf8 } from 'node:buffer';
import {
  type CallParameters,
  DONE_ANSWER,
  errorAnswer,
  NULL_ANSWER,
  valueAnswerHead,
} from '../codec/rpc-calls.ts';
import { formatRpcError } from '../codec/rpc-error-text.ts';
import type { RpcMessage } from '../codec/rpc-protocol.ts';
import { decodeUtf8, requireKey } from '../codec/utf8.ts';
import { formatVersion } from '../entry.ts';
import { messageOf, ServiceError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { KeyValueStore, ReadAnswer } from '../store/key-value-store.ts';

/** The bytes of an answer, without its frame. */
export type Answer = readonly Buffer[];

export interface CallLimits {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
}

const DONE: Answer = [DONE_ANSWER];
const NOTHING: Answer = [NULL_ANSWER];

/** Calls of the protocol → the store → answers. Never throws and never rejects. */
export class CallHandler {
  readonly #store: KeyValueStore;
  readonly #limits: CallLimits;
  readonly #logger: Logger;

  constructor(store: KeyValueStore, limits: CallLimits, logger: Logger) {
    this.#store = store;
    this.#limits = limits;
    this.#logger = logger;
  }

  /** Most reads are answered at once. */
  handle(message: RpcMessage, parameters: CallParameters): Answer | Promise<Answer> {
    try {
      const key = this.#key(parameters.key);
      switch (message) {
        case 'getValue':
          return this.#get(key);
        case 'setValue':
          return this.#write(this.#store.put(key, this.#value(parameters.value)));
        case 'delete':
          return this.#write(this.#store.delete(key));
      }
    } catch (error) {
      return this.#failure(error, false);
    }
  }

  #get(key: string): Answer | Promise<Answer> {
    const now = this.#store.getNow(key);
    if (now !== undefined) return answerOf(now);
    return this.#store
      .get(key)
      .then(answerOf)
      .catch((error: unknown) => this.#failure(error, false));
  }

  #write(written: Promise<unknown>): Promise<Answer> {
    return written.then(
      () => DONE,
      (error: unknown) => this.#failure(error, true),
    );
  }

  #key(bytes: Buffer): string {
    const key = decodeUtf8(bytes);
    if (key === undefined) throw new ServiceError('bad_key', 'The key is not UTF-8');
    requireKey(key);
    const { keyBytesMax } = this.#limits;
    if (bytes.length > keyBytesMax) {
      throw new ServiceError(
        'too_large',
        `The key has ${bytes.length} bytes, ${keyBytesMax} are allowed`,
      );
    }
    return key;
  }

  #value(bytes: Buffer | undefined): Buffer {
    const { valueBytesMax } = this.#limits;
    if (bytes === undefined || !isUtf8(bytes)) {
      throw new ServiceError('bad_value', 'The value is not UTF-8');
    }
    if (bytes.length > valueBytesMax) {
      throw new ServiceError(
        'too_large',
        `The value has ${bytes.length} bytes, ${valueBytesMax} are allowed`,
      );
    }
    // The bytes are a view of what the socket gave: a small value would keep all of that alive.
    return Buffer.from(bytes);
  }

  #failure(error: unknown, write: boolean): Answer {
    if (error instanceof ServiceError) return [errorAnswer(formatRpcError(error))];
    this.#logger.error({ err: error, reason: messageOf(error) }, 'call failed');
    const outcome = write ? ('unknown' as const) : undefined;
    const message = 'The node failed to answer this call';
    return [errorAnswer(formatRpcError({ code: 'storage', message, outcome }))];
  }
}

function answerOf({ entry, partition }: ReadAnswer): Answer {
  if (entry === undefined || entry.kind === 'marker') return NOTHING;
  if (entry.kind === 'unreadable') {
    const where = formatVersion(partition, entry.offset);
    throw new ServiceError(
      'unreadable',
      `The newest record of the key, ${where}, cannot be read: ${entry.value.toString('utf8')}`,
    );
  }
  if (!isUtf8(entry.value)) {
    throw new ServiceError('bad_value', 'The value is not UTF-8, which a string has to be');
  }
  return [valueAnswerHead(entry.value.length), entry.value];
}
