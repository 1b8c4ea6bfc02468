import type { Version } from '../entry.ts';
import { ServiceError } from '../errors.ts';
import type { KeyValueStore, ReadAnswer } from '../store/key-value-store.ts';
import { AnswerTurns } from './answer-turns.ts';
import { readAnswer, writtenBody } from './answers.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { Exchange } from './exchange.ts';
import { afterOf, keyOf, type Parameters, parseParameters, valueBytesOf } from './parameters.ts';
import { receiveBody } from './request-body.ts';

export interface DataRoutesOptions {
  readonly store: KeyValueStore;
  readonly limits: { readonly keyBytesMax: number; readonly valueBytesMax: number };
  readonly bodies: ByteBudget;
}

/** Whose state a read may use: all nodes', or this one's alone. */
export type ReadScope = 'cluster' | 'own';

const FORM_TYPE = 'application/x-www-form-urlencoded';
/** Percent-encoding makes three bytes of one. */
const ENCODED_BYTES_MAX = 3;
/** Names and separators of a form. */
const FORM_FRAME_BYTES = 64;
const NO_HEADERS: readonly string[] = [];

/** `/rpc` and `/rpc/cluster`. Failures are thrown; the caller answers them. */
export class DataRoutes {
  readonly #store: KeyValueStore;
  readonly #limits: DataRoutesOptions['limits'];
  readonly #bodies: ByteBudget;
  readonly #turns = new AnswerTurns();

  constructor({ store, limits, bodies }: DataRoutesOptions) {
    this.#store = store;
    this.#limits = limits;
    this.#bodies = bodies;
  }

  /** Answers before it returns where the store knows at once; else the promise says when. */
  read(exchange: Exchange, query: string, scope: ReadScope): Promise<void> | undefined {
    const parameters = parseParameters(query);
    const key = this.#key(parameters);
    const after = afterOf(parameters, exchange.request.headers['bitacora-after']);
    if (after === undefined) {
      const now = this.#store.getNow(key);
      if (now !== undefined) {
        const turn = this.#turns.take(now.entry?.value.length ?? 0);
        if (turn !== undefined) return this.#readInTurn(exchange, scope, { key, turn });
        this.#tell(exchange, scope, { key, answer: now });
        return undefined;
      }
    }
    return this.#readLater(exchange, scope, { key, after });
  }

  async put(exchange: Exchange, query: string): Promise<void> {
    const { valueBytesMax, keyBytesMax } = this.#limits;
    const isForm = mediaType(exchange.request.headers['content-type']) === FORM_TYPE;
    const bodyBytesMax = isForm
      ? ENCODED_BYTES_MAX * (valueBytesMax + keyBytesMax) + FORM_FRAME_BYTES
      : valueBytesMax;
    const body = await receiveBody(exchange, bodyBytesMax, this.#bodies);
    const given = parseParameters(query);
    const form = isForm ? parseParameters(body.toString('latin1')) : {};
    const key = this.#key(given.key === undefined ? form : given);
    const value = valueBytesOf(given) ?? (isForm ? formValue(form) : wholeBody(body));
    if (value.length > valueBytesMax) {
      throw new ServiceError('too_large', `The value is larger than ${valueBytesMax} bytes`);
    }
    await this.#write(exchange, key, () => this.#store.put(key, value));
  }

  async delete(exchange: Exchange, query: string): Promise<void> {
    const key = this.#key(parseParameters(query));
    await this.#write(exchange, key, () => this.#store.delete(key));
  }

  /** Reads again when it is its turn: many that wait would keep their values alive. */
  async #readInTurn(
    exchange: Exchange,
    scope: ReadScope,
    { key, turn }: { readonly key: string; readonly turn: Promise<void> },
  ): Promise<void> {
    await exchange.holdUp(turn);
    if (exchange.answered || exchange.gone) return;
    const now = this.#store.getNow(key);
    if (now === undefined) await this.#readLater(exchange, scope, { key, after: undefined });
    else this.#tell(exchange, scope, { key, answer: now });
  }

  async #readLater(
    exchange: Exchange,
    scope: ReadScope,
    { key, after }: { readonly key: string; readonly after: Version | undefined },
  ): Promise<void> {
    const options = after === undefined ? {} : { after };
    const log = this.#store.logId();
    const answer = await (scope === 'own'
      ? this.#store.getLocal(key, options)
      : this.#store.get(key, options));
    if (scope === 'own' && log !== undefined && log !== this.#store.logId()) {
      throw new ServiceError('recovering', 'The log was replaced while its state was read');
    }
    this.#tell(exchange, scope, { key, answer });
  }

  #tell(
    exchange: Exchange,
    scope: ReadScope,
    { key, answer }: { readonly key: string; readonly answer: ReadAnswer },
  ): void {
    // Asked before the JSON is built, which is the dear part.
    exchange.requireRoom(answer.entry?.value.length ?? 0);
    const { status, headers, body } = readAnswer(key, answer);
    const log = scope === 'own' ? this.#store.logId() : undefined;
    if (log !== undefined) headers.push('Bitacora-Log', log);
    exchange.json(status, headers, body);
  }

  async #write(
    exchange: Exchange,
    key: string,
    append: () => ReturnType<KeyValueStore['put']>,
  ): Promise<void> {
    if (exchange.answered || exchange.gone) return;
    exchange.outcome = 'unknown';
    exchange.json(200, NO_HEADERS, writtenBody(key, await append()));
  }

  #key(parameters: Parameters): string {
    const key = keyOf(parameters);
    if (key === undefined) throw new ServiceError('bad_key', 'The key is missing: key=...');
    if (key === '') throw new ServiceError('bad_key', 'The key is empty');
    const { keyBytesMax } = this.#limits;
    if (key.length * ENCODED_BYTES_MAX > keyBytesMax && Buffer.byteLength(key) > keyBytesMax) {
      throw new ServiceError('too_large', `The key is larger than ${keyBytesMax} bytes`);
    }
    return key;
  }
}

function mediaType(header: string | undefined): string {
  return header === undefined ? '' : (header.split(';', 1)[0] ?? '').trim().toLowerCase();
}

function formValue(form: Parameters): Buffer {
  const value = valueBytesOf(form);
  if (value === undefined) {
    throw new ServiceError(
      'bad_value',
      'The form has no value=...: to send the body itself, give it the type application/octet-stream',
    );
  }
  return value;
}

function wholeBody(body: Buffer): Buffer {
  if (body.length === 0) {
    throw new ServiceError('bad_value', 'The value is missing: value=... or a body');
  }
  return body;
}
