import type { Entry, Version } from '../../src/entry.ts';
import { ServiceError } from '../../src/errors.ts';
import type {
  KeyValueStore,
  ReadAnswer,
  ReadOptions,
  ReadTrust,
  WriteAnswer,
} from '../../src/store/key-value-store.ts';

const TIMESTAMP = 1_700_000_000_000;
const PARTITION = 3;

/**
 * A store without a log, for tests of the doors: one partition (3), writes are visible at once,
 * each a millisecond after the one before. What a test wants otherwise it sets.
 */
export class DoubleStore implements KeyValueStore {
  readonly entries = new Map<string, Entry>();
  readonly calls: string[] = [];
  position = 17;
  trust: ReadTrust = 'final';
  source: 1 | 2 = 1;
  log: string | undefined = 'cluster/topic';
  /** Answer synchronously where the interface allows it. */
  immediate = true;
  /** Awaited by everything that is not synchronous. */
  gate: Promise<unknown> = Promise.resolve();
  /** Thrown by everything behind the gate. */
  fault: unknown;
  after: Version | undefined;

  put(key: string, value: Buffer): Promise<WriteAnswer> {
    this.calls.push(`put ${key} ${value.length}`);
    return this.#append(key, { kind: 'live', value });
  }

  delete(key: string): Promise<WriteAnswer> {
    this.calls.push(`delete ${key}`);
    return this.#append(key, { kind: 'marker', value: Buffer.alloc(0) });
  }

  /** An entry as if the log had brought it. */
  seed(key: string, kind: Entry['kind'], value: string | Buffer = ''): void {
    const offset = this.position++;
    this.entries.set(key, {
      kind,
      value: Buffer.from(value),
      offset,
      timestamp: TIMESTAMP + offset,
    });
  }

  getNow(key: string): ReadAnswer | undefined {
    this.calls.push(`getNow ${key}`);
    return this.immediate && this.fault === undefined ? this.#answer(key) : undefined;
  }

  async get(key: string, options: ReadOptions = {}): Promise<ReadAnswer> {
    this.calls.push(`get ${key}`);
    return this.#read(key, options);
  }

  async getLocal(key: string, options: ReadOptions = {}): Promise<ReadAnswer> {
    this.calls.push(`getLocal ${key}`);
    return this.#read(key, options);
  }

  logId(): string | undefined {
    return this.log;
  }

  async #read(key: string, { after }: ReadOptions): Promise<ReadAnswer> {
    this.after = after;
    await this.#pass();
    if (after !== undefined && after.partition !== PARTITION) {
      throw new ServiceError('bad_version', 'The version is of another partition');
    }
    if (after !== undefined && after.offset >= this.position) {
      throw new ServiceError('not_yet', 'The version is not applied here yet', { retryAfterS: 1 });
    }
    return this.#answer(key);
  }

  async #append(key: string, { kind, value }: Pick<Entry, 'kind' | 'value'>): Promise<WriteAnswer> {
    await this.#pass();
    this.seed(key, kind, value);
    const { offset, timestamp } = this.entries.get(key)!;
    return { version: { partition: PARTITION, offset }, timestamp };
  }

  async #pass(): Promise<void> {
    await this.gate;
    if (this.fault !== undefined) throw this.fault;
  }

  #answer(key: string): ReadAnswer {
    const { trust, position, source } = this;
    return { trust, partition: PARTITION, position, entry: this.entries.get(key), source };
  }
}
