import { checkRange } from '../check-ops.ts';
import { ClosedError, type KeyRange, type Pace, type StoragePair } from '../storage.ts';
import { checkedValue } from './checked-value.ts';
import type { NativeCallback, NativeDatabase, NativeIterator } from './native-rocksdb.ts';
import { rocksError } from './rocks-error.ts';

const CHUNK_PAIRS_MAX = 1_000;
const CHUNK_BYTES_MAX = 256 * 1024;
/** What the engine fetches in one go on its thread. */
const FETCH_BYTES = 64 * 1024;

type Chunk = IteratorResult<readonly StoragePair[], undefined>;

export interface RocksScanOptions {
  readonly range: KeyRange;
  readonly open: (options: Parameters<NativeDatabase['iterator']>[0]) => NativeIterator;
  readonly call: <T>(start: (done: NativeCallback<T>) => void) => Promise<T>;
  /** Resolves when the engine's iterators may read. */
  readonly check: (pace: Pace | undefined) => Promise<void>;
  /** Reads keys in the way that checks the blocks they lie in. */
  readonly verify: (keys: readonly Buffer[], done: NativeCallback<unknown>) => void;
  readonly closed: () => boolean;
  readonly ended: () => void;
}

/**
 * One pass over a range, a snapshot of the moment it was made. The native iterator is ended exactly
 * once and never while it is stepping: at the end, on an early exit, on a failure, or by `close`.
 */
export class RocksScan implements AsyncIterableIterator<readonly StoragePair[], undefined> {
  readonly #options: RocksScanOptions;
  #native: NativeIterator | undefined;
  #fault: unknown;
  #step: Promise<unknown> = Promise.resolve();
  #ended: Promise<void> | undefined;

  constructor(options: RocksScanOptions) {
    this.#options = options;
    const { gte, lt, reverse = false, limit = -1 } = options.range;
    try {
      checkRange(options.range);
      if (limit === 0 || Buffer.compare(gte, lt) >= 0) return;
      this.#native = options.open({ gte, lt, reverse, limit, highWaterMark: FETCH_BYTES });
    } catch (error) {
      this.#fault = rocksError('scan', error);
    }
  }

  /** Whether there is something to end. */
  get open(): boolean {
    return this.#native !== undefined && this.#ended === undefined;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Chunk> {
    const step = this.#step.then(() => this.#chunk());
    this.#step = step.catch(() => {});
    return step;
  }

  async return(): Promise<Chunk> {
    await this.end();
    return { done: true, value: undefined };
  }

  end(): Promise<void> {
    this.#ended ??= this.#step.then(async () => {
      const native = this.#native;
      this.#native = undefined;
      if (native === undefined) return;
      await this.#options.call((done: NativeCallback<void>) => native.end(done));
      this.#options.ended();
    });
    return this.#ended;
  }

  async #chunk(): Promise<Chunk> {
    const { closed, check, call, verify, range } = this.#options;
    if (this.#fault !== undefined) throw this.#fault;
    const native = this.#native;
    if (closed()) throw new ClosedError();
    if (native === undefined) return { done: true, value: undefined };
    try {
      await check(range.pace);
      const value = await call((done: NativeCallback<readonly StoragePair[]>) =>
        fillChunk(native, done),
      );
      if (value.length > 0) {
        // The engine's iterators skip what a damaged block has lost, and say nothing.
        const keys = value.map(([key]) => key);
        await call((done: NativeCallback<unknown>) => verify(keys, done));
        return { done: false, value };
      }
      this.#endSoon();
      return { done: true, value: undefined };
    } catch (error) {
      this.#fault = rocksError('scan', error);
      this.#endSoon();
      throw this.#fault;
    }
  }

  /** After the step that is running: `end` waits for it. */
  #endSoon(): void {
    this.end().catch(() => {});
  }
}

/** The native iterator serves its fetched pairs one by one: one promise for a chunk of them. */
function fillChunk(native: NativeIterator, done: NativeCallback<readonly StoragePair[]>): void {
  const pairs: StoragePair[] = [];
  let bytes = 0;
  const step = () => {
    native.next((error, key, stored) => {
      try {
        if (error) return done(error, []);
        if (key === undefined || stored === undefined) return done(null, pairs);
        const value = checkedValue(key, stored);
        bytes += key.length + value.length;
        pairs.push([key, value]);
        if (pairs.length >= CHUNK_PAIRS_MAX || bytes >= CHUNK_BYTES_MAX) return done(null, pairs);
        step();
      } catch (fault) {
        done(fault instanceof Error ? fault : new Error(String(fault)), []);
      }
    });
  };
  step();
}
