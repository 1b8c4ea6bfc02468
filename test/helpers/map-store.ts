import type { Entry, EntryKind } from '../../src/entry.ts';
import { NO_BYTES } from '../../src/entry.ts';
import type { KeyValueStore, ReadAnswer, WriteAnswer } from '../../src/store/key-value-store.ts';

/** A KeyValueStore on a Map, for tests of the doors: what a door does with answers and errors. */
export class MapStore implements KeyValueStore {
  readonly entries = new Map<string, Entry>();
  /** Reads are answered later, as if from storage. */
  slow = false;
  /** Called before each read and write; may throw or wait. */
  before: (act: 'get' | 'put' | 'delete', key: string) => void | Promise<void> = () => {};
  #offset = 0;

  getNow(key: string): ReadAnswer | undefined {
    return this.slow ? undefined : this.#answer(key);
  }

  async getLocal(key: string): Promise<ReadAnswer> {
    return this.get(key);
  }

  async get(key: string): Promise<ReadAnswer> {
    await this.before('get', key);
    return this.#answer(key);
  }

  logId(): string | undefined {
    return 'cluster/topic';
  }

  async put(key: string, value: Buffer): Promise<WriteAnswer> {
    await this.before('put', key);
    return this.apply(key, 'live', value);
  }

  async delete(key: string): Promise<WriteAnswer> {
    await this.before('delete', key);
    return this.apply(key, 'marker', NO_BYTES);
  }

  apply(key: string, kind: EntryKind, value: Buffer): WriteAnswer {
    const offset = this.#offset++;
    const timestamp = 1_000 + offset;
    this.entries.set(key, { kind, offset, timestamp, value });
    return { version: { partition: 0, offset }, timestamp };
  }

  #answer(key: string): ReadAnswer {
    const entry = this.entries.get(key);
    return { trust: 'final', partition: 0, position: this.#offset, entry, source: 1 };
  }
}
