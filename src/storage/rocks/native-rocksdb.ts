/**
 * What of the RocksDB binding is used. Its published typings lack half of it, and its other calls
 * are traps: `get` throws for a miss, each chained batch keeps its memory until it is collected.
 * Every call of a database that is not open kills the process.
 */

export type NativeCallback<T> = (error: Error | null | undefined, result: T) => void;

/**
 * A batch in the engine's memory, filled operation by operation: an array of operations costs more than
 * twice the time of the main thread. Below the checks of the public calls, which allow one write only.
 */
export interface NativeBatch {
  _clear(): void;
  _put(key: Buffer, value: Buffer): void;
  _del(key: Buffer): void;
  _write(options: { readonly sync: boolean }, callback: NativeCallback<void>): void;
}

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
  /** Only of a database that is open. */
  batch(): NativeBatch;
  clear(range: NativeRange, callback: NativeCallback<void>): void;
  iterator(
    options: NativeRange & { readonly reverse: boolean; readonly highWaterMark: number },
  ): NativeIterator;
  getProperty(name: string): string;
}

export type OpenNativeDatabase = (directory: string) => NativeDatabase;
