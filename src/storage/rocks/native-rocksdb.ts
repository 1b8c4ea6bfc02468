/**
 * What of the RocksDB binding is used. Its published typings lack half of it, and its other calls
 * are traps: `get` throws for a miss, chained batches leak until collected.
 * Every call of a database that is not open kills the process.
 */

export type NativeCallback<T> = (error: Error | null | undefined, result: T) => void;

export type NativeOp =
  | { readonly type: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: 'del'; readonly key: Buffer };

export interface NativeIterator {
  /** Both undefined at the end of the range. */
  next(callback: (error: Error | null | undefined, key?: Buffer, value?: Buffer) => void): unknown;
  end(callback: NativeCallback<void>): void;
}

export interface NativeRange {
  readonly gte: Buffer;
  readonly lt: Buffer;
  /** -1: no limit. */
  readonly limit: number;
}

/** No option may be undefined: the binding would read uninitialised memory. */
export interface NativeDatabase {
  open(
    options: {
      readonly createIfMissing: boolean;
      readonly writeBufferSize: number;
      readonly cacheSize: number;
    },
    callback: NativeCallback<void>,
  ): void;
  close(callback: NativeCallback<void>): void;
  getMany(
    keys: readonly Buffer[],
    options: { readonly fillCache: boolean },
    callback: NativeCallback<(Buffer | undefined)[]>,
  ): void;
  batch(
    ops: readonly NativeOp[],
    options: { readonly sync: boolean },
    callback: NativeCallback<void>,
  ): void;
  clear(range: NativeRange, callback: NativeCallback<void>): void;
  iterator(
    options: NativeRange & { readonly reverse: boolean; readonly highWaterMark: number },
  ): NativeIterator;
  getProperty(name: string): string;
}

export type OpenNativeDatabase = (directory: string) => NativeDatabase;
