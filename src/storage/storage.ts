/**
 * An ordered table of bytes with atomic batches. RocksDB, memory and the simulator's disk pass one
 * contract suite. Keys are ordered by bytes and never empty; values are never empty.
 */
export type StorageOp =
  | { readonly type: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: 'del'; readonly key: Buffer };

export interface KeyRange {
  /** First key, inclusive. */
  readonly gte: Buffer;
  /** First key that no longer belongs, exclusive. */
  readonly lt: Buffer;
  readonly reverse?: boolean;
  /** At most so many pairs. */
  readonly limit?: number;
  /** For who is in no hurry: awaited between pieces of work that come before the first pair. */
  readonly pace?: Pace;
}

/** Resolves when the work may go on; what it rejects with ends the work. */
export type Pace = () => Promise<void>;

export type StoragePair = readonly [key: Buffer, value: Buffer];

export interface StorageStats {
  /** Bytes on disk, or in memory, as the engine estimates them. */
  readonly bytes: number;
}

/**
 * What failed, as far as the engine's text tells. `locked`: another process or handle has it open;
 * `misuse`: what no engine may see was refused.
 */
export type StorageErrorKind = 'corrupt' | 'full' | 'closed' | 'locked' | 'misuse' | 'other';

/** The engine failed (disk full, corrupt, closed): nothing of the failed batch is visible after a reopen. */
export class StorageError extends Error {
  readonly kind: StorageErrorKind;

  constructor(message: string, cause?: unknown, kind: StorageErrorKind = 'other') {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StorageError';
    this.kind = kind;
  }
}

export class ClosedError extends StorageError {
  constructor() {
    super('the storage is closed', undefined, 'closed');
    this.name = 'ClosedError';
  }
}

/** A write that was not tried, because one before it failed and storage does not work again yet. */
export class UntriedError extends StorageError {
  constructor(cause: StorageError) {
    super(`an earlier write failed: ${cause.message}`, cause, cause.kind);
    this.name = 'UntriedError';
  }
}

export interface Storage {
  /**
   * Commits all operations or none; visible to reads once resolved. `sync`: on stable storage too
   * (a batch without it survives the process, and after a power loss a prefix of all batches is left).
   * Batches commit in the order of the calls.
   */
  write(ops: readonly StorageOp[], options?: { readonly sync?: boolean }): Promise<void>;

  /** Values in the order of the keys, undefined where there is none. */
  getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]>;

  /** The pairs of a range as of the call, in chunks of a bounded size. Leaving the loop early releases it. */
  iterate(range: KeyRange): AsyncIterable<readonly StoragePair[]>;

  /** Removes a range; not atomic with anything else, may be repeated. */
  clear(range: { readonly gte: Buffer; readonly lt: Buffer }): Promise<void>;

  stats(): StorageStats;

  /** Waits for what is in flight. Every later call rejects with StorageError. Idempotent. */
  close(): Promise<void>;
}
