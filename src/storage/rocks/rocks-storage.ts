import { mkdir, readdir } from 'node:fs/promises';
import { checkKeys, checkOps, checkRange } from '../check-ops.ts';
import {
  ClosedError,
  type KeyRange,
  type Pace,
  type Storage,
  StorageError,
  type StorageOp,
  type StoragePair,
  type StorageStats,
  UntriedError,
} from '../storage.ts';
import { checkedValue, StoredValues, withChecksum } from './checked-value.ts';
import { loadRocksdb } from './load-rocksdb.ts';
import type { NativeBatch, NativeCallback, NativeDatabase } from './native-rocksdb.ts';
import { checkUp, refuseHeadless } from './rocks-checkup.ts';
import { rocksError } from './rocks-error.ts';
import { type DamagedLog, takeBack } from './rocks-logs.ts';
import { RocksScan } from './rocks-scan.ts';
import { RocksTables } from './rocks-tables.ts';
import { WriteQueue } from './write-queue.ts';

const MIB = 1024 * 1024;
const WRITE_BUFFER_BYTES = 16 * MIB;
const CACHE_BYTES = 32 * MIB;
/** The engine keeps sizes in 32 bits and cuts larger ones silently. */
const SIZE_BYTES_MAX = 2 ** 32 - 1;
/** A clear runs in steps of so many keys, so that a close need not wait for all of it. */
const CLEAR_STEP_KEYS = 10_000;

export interface RocksStorageOptions {
  readonly writeBufferBytes?: number;
  readonly cacheBytes?: number;
  /**
   * Looks at the files first, and says what to do where the write-ahead log is damaged. Only for who
   * holds the directory: with another process in it a log under way looks torn.
   */
  readonly damagedLog?: DamagedLog;
}

interface Opened {
  readonly directory: string;
  readonly db: NativeDatabase;
  readonly tables: RocksTables;
  readonly cutOff: string | undefined;
}

interface Fault {
  readonly error: StorageError;
  readonly ops: readonly StorageOp[];
}

/**
 * The only door to RocksDB. The binding kills the process when it is used before open or after
 * close, so every native call passes `#call`: only while open, counted, and awaited by `close`.
 * A write that fails is the last one: opened as it is, the engine would write on behind what it left
 * of that one in its log, and not find it again. `close` takes it back; open anew to go on.
 */
export class RocksStorage implements Storage {
  /** What was cut off a damaged log before it was opened. */
  readonly cutOff: string | undefined;
  readonly #directory: string;
  readonly #db: NativeDatabase;
  readonly #tables: RocksTables;
  /** The one batch, filled anew for each commit. */
  readonly #batch: NativeBatch;
  readonly #values = new StoredValues();
  readonly #writes: WriteQueue;
  readonly #scans = new Set<RocksScan>();
  /** Who waits for the tables' check without a pace. */
  #hurried = 0;
  #inFlight = 0;
  #idle: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #lastStats: StorageStats = { bytes: 0 };
  #lastWritten: readonly StorageOp[] = [];
  #fault: Fault | undefined;

  private constructor({ directory, db, tables, cutOff }: Opened) {
    this.#directory = directory;
    this.#db = db;
    this.#tables = tables;
    this.#batch = db.batch();
    this.cutOff = cutOff;
    this.#writes = new WriteQueue((ops, sync) => this.#commit(ops, sync));
  }

  /**
   * Opens or creates. Rejects with StorageError, `locked` when any process has it open, `corrupt` where
   * files are damaged.
   */
  static async open(directory: string, options: RocksStorageOptions = {}): Promise<RocksStorage> {
    const writeBufferSize = size(options.writeBufferBytes ?? WRITE_BUFFER_BYTES);
    const cacheSize = size(options.cacheBytes ?? CACHE_BYTES);
    try {
      await mkdir(directory, { recursive: true });
      const { damagedLog } = options;
      const names = await readdir(directory);
      await refuseHeadless(directory, names);
      const tables = new RocksTables(directory, names);
      const cutOff = damagedLog && (await checkUp(directory, damagedLog));
      const db = loadRocksdb()(directory);
      await new Promise<void>((resolve, reject) => {
        db.open({ createIfMissing: true, writeBufferSize, cacheSize }, (error) =>
          error ? reject(error) : resolve(),
        );
      });
      return new RocksStorage({ directory, db, tables, cutOff });
    } catch (error) {
      throw rocksError(`cannot open ${directory}`, error);
    }
  }

  async write(ops: readonly StorageOp[], options?: { readonly sync?: boolean }): Promise<void> {
    if (this.#closing !== undefined) throw new ClosedError();
    checkOps(ops);
    await this.#writes.add(ops, options?.sync === true);
  }

  async getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    if (this.#closing !== undefined) throw new ClosedError();
    checkKeys(keys);
    if (keys.length === 0) return [];
    const asked = [...keys];
    const found = await this.#call('read', (done: NativeCallback<(Buffer | undefined)[]>) =>
      this.#db.getMany(asked, { fillCache: true }, done),
    );
    return asked.map((key, i) => {
      const stored = found[i];
      return stored === undefined ? undefined : checkedValue(key, stored);
    });
  }

  iterate(range: KeyRange): AsyncIterable<readonly StoragePair[]> {
    const scan = new RocksScan({
      range,
      open: (options) => {
        if (this.#closing !== undefined) throw new ClosedError();
        return this.#db.iterator(options);
      },
      call: (start) => this.#call('scan', start),
      check: (pace) => this.#tablesChecked(pace),
      verify: (keys, done) => this.#db.getMany(keys, { fillCache: false }, done),
      closed: () => this.#closing !== undefined,
      ended: () => this.#scans.delete(scan),
    });
    if (scan.open) this.#scans.add(scan);
    return scan;
  }

  async clear(range: { readonly gte: Buffer; readonly lt: Buffer }): Promise<void> {
    if (this.#closing !== undefined) throw new ClosedError();
    checkRange(range);
    await this.#writes.settled();
    for (let from: Buffer | undefined = range.gte; from !== undefined; ) {
      if (this.#closing !== undefined) throw new ClosedError();
      // An empty upper bound would mean no bound at all to the engine.
      if (Buffer.compare(from, range.lt) >= 0) return;
      const step = { gte: from, lt: range.lt, limit: CLEAR_STEP_KEYS };
      await this.#tablesChecked();
      await this.#lastIfFails([], () =>
        this.#call('clear', (done: NativeCallback<void>) => this.#db.clear(step, done)),
      );
      from = await this.#firstKey(from, range.lt);
    }
  }

  stats(): StorageStats {
    if (this.#closing === undefined) {
      const bytes = ['rocksdb.total-sst-files-size', 'rocksdb.cur-size-all-mem-tables']
        .map((name) => Number(this.#db.getProperty(name)))
        .reduce((sum, each) => sum + (Number.isFinite(each) ? each : 0), 0);
      this.#lastStats = { bytes };
    }
    return this.#lastStats;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // The state is set by the caller's assignment: nothing new begins from here on.
    await Promise.resolve();
    await this.#writes.settled();
    await Promise.all([...this.#scans].map((scan) => scan.end()));
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    await new Promise<void>((resolve, reject) => {
      this.#db.close((error) => (error ? reject(rocksError('close', error)) : resolve()));
    });
    if (this.#fault !== undefined) {
      const failed = this.#fault.ops.map(asStored);
      await takeBack(this.#directory, failed, this.#lastWritten.map(asStored));
    }
  }

  async #commit(ops: readonly StorageOp[], sync: boolean): Promise<void> {
    await this.#lastIfFails(ops, () =>
      this.#call('write', (done: NativeCallback<void>) => {
        const batch = this.#batch;
        batch._clear();
        for (const op of ops) {
          if (op.type === 'put') batch._put(op.key, this.#values.of(op.key, op.value));
          else batch._del(op.key);
        }
        batch._write({ sync }, done);
      }),
    );
    this.#lastWritten = ops;
  }

  async #lastIfFails(ops: readonly StorageOp[], write: () => Promise<void>): Promise<void> {
    if (this.#fault !== undefined) throw new UntriedError(this.#fault.error);
    try {
      await write();
    } catch (error) {
      this.#fault = { error: rocksError('write', error), ops };
      throw error;
    }
  }

  /** Resolves when iterators may read. @param pace counts as long as nobody is in a hurry */
  async #tablesChecked(pace?: Pace): Promise<void> {
    const requireOpen = () => {
      if (this.#closing !== undefined) throw new ClosedError();
    };
    if (pace === undefined) this.#hurried += 1;
    try {
      await this.#tables.checked(async () => {
        if (this.#hurried === 0) await pace?.();
        requireOpen();
      });
    } finally {
      if (pace === undefined) this.#hurried -= 1;
    }
    requireOpen();
  }

  async #firstKey(gte: Buffer, lt: Buffer): Promise<Buffer | undefined> {
    for await (const pairs of this.iterate({ gte, lt, limit: 1 })) return pairs[0]?.[0];
    return undefined;
  }

  #call<T>(what: string, start: (done: NativeCallback<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const settle = () => {
        this.#inFlight -= 1;
        if (this.#inFlight === 0) this.#idle?.();
      };
      this.#inFlight += 1;
      try {
        start((error, result) => {
          settle();
          if (error) reject(rocksError(what, error));
          else resolve(result);
        });
      } catch (error) {
        settle();
        reject(rocksError(what, error));
      }
    });
  }
}

function size(bytes: number): number {
  if (Number.isSafeInteger(bytes) && bytes > 0 && bytes <= SIZE_BYTES_MAX) return bytes;
  throw new StorageError(`a size of ${bytes} bytes is not possible`);
}

/** An operation with the bytes that the engine got. */
function asStored(op: StorageOp): StorageOp {
  if (op.type === 'del') return op;
  return { ...op, value: withChecksum(op.key, op.value) };
}
