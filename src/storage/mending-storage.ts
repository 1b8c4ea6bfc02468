import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import {
  ClosedError,
  type KeyRange,
  type Storage,
  StorageError,
  type StorageOp,
  type StoragePair,
  type StorageStats,
  UntriedError,
} from './storage.ts';

const MEND_EVERY_MS = 1_000;

export interface MendingOptions {
  /** Opens, after a first time again and again, what the former close has left. */
  readonly open: () => Promise<Storage>;
  /** Rejects where the disk has no room for an opening, which writes. */
  readonly room: () => Promise<void>;
  /** A write has failed, for the first time since all worked; undefined: writes are taken again. */
  readonly onFault: (fault: StorageError | undefined) => void;
  /** What is stored is damaged: nothing here can mend it. */
  readonly onCorrupt: (error: StorageError) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A storage that takes no write after one has failed, answers reads meanwhile, and opens itself anew
 * as soon as there is room: the one that failed is not in it then, and nothing of what succeeded lacks.
 */
export class MendingStorage implements Storage {
  readonly #options: MendingOptions;
  /** Undefined while it is being opened anew, and after that has failed. */
  #inner: Storage | undefined;
  #fault: StorageError | undefined;
  #mending: Promise<void> = Promise.resolve();
  #cancel: () => void = () => {};
  #lastStats: StorageStats = { bytes: 0 };
  #closing: Promise<void> | undefined;

  private constructor(options: MendingOptions, inner: Storage) {
    this.#options = options;
    this.#inner = inner;
  }

  /** Rejects as the first `open` does. */
  static async open(options: MendingOptions): Promise<MendingStorage> {
    return new MendingStorage(options, await options.open());
  }

  async write(ops: readonly StorageOp[], options?: { readonly sync?: boolean }): Promise<void> {
    await this.#writing((inner) => inner.write(ops, options));
  }

  async clear(range: { readonly gte: Buffer; readonly lt: Buffer }): Promise<void> {
    await this.#writing((inner) => inner.clear(range));
  }

  async getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    this.#requireOpen();
    const inner = this.#inner ?? (await this.#opened());
    try {
      return await inner.getMany(keys);
    } catch (error) {
      throw this.#noted(error);
    }
  }

  iterate(range: KeyRange): AsyncIterable<readonly StoragePair[]> {
    return this.#scan(range, this.#closing === undefined ? this.#inner?.iterate(range) : undefined);
  }

  stats(): StorageStats {
    this.#lastStats = this.#inner?.stats() ?? this.#lastStats;
    return this.#lastStats;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#cancel();
    await this.#mending;
    await this.#inner?.close();
  }

  async *#scan(
    range: KeyRange,
    scan: AsyncIterable<readonly StoragePair[]> | undefined,
  ): AsyncGenerator<readonly StoragePair[], void> {
    this.#requireOpen();
    try {
      yield* scan ?? (await this.#opened()).iterate(range);
    } catch (error) {
      throw this.#noted(error);
    }
  }

  async #writing(write: (inner: Storage) => Promise<void>): Promise<void> {
    this.#requireOpen();
    if (this.#fault !== undefined) throw new UntriedError(this.#fault);
    const inner = this.#inner ?? (await this.#opened());
    try {
      await write(inner);
    } catch (error) {
      const noted = this.#noted(error);
      if (isOfTheDisk(noted)) this.#failed(noted);
      throw noted;
    }
  }

  /** The storage, once an opening that is under way has ended. */
  async #opened(): Promise<Storage> {
    await this.#mending;
    if (this.#inner !== undefined) return this.#inner;
    throw this.#fault ?? new ClosedError();
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError();
  }

  #noted(error: unknown): unknown {
    if (error instanceof StorageError && error.kind === 'corrupt') this.#options.onCorrupt(error);
    return error;
  }

  #failed(error: StorageError): void {
    if (this.#fault !== undefined) return;
    this.#fault = error;
    this.#options.logger.error({ reason: error.message }, 'storage takes no writes');
    this.#options.onFault(error);
    this.#mendSoon();
  }

  #mendSoon(): void {
    if (this.#closing !== undefined) return;
    this.#cancel = this.#options.clock.after(MEND_EVERY_MS, () => {
      this.#mending = this.#mend().catch((error) => {
        this.#options.logger.warn({ reason: messageOf(error) }, 'storage still fails');
        this.#noted(error);
        this.#mendSoon();
      });
    });
  }

  async #mend(): Promise<void> {
    const { room, open, onFault, logger } = this.#options;
    await room();
    const former = this.#inner;
    this.#inner = undefined;
    await former?.close();
    this.#inner = await open();
    this.#fault = undefined;
    logger.info('storage works again');
    onFault(undefined);
  }
}

/** Not a misuse, not a close, and nothing that another opening could not mend. */
function isOfTheDisk(error: unknown): error is StorageError {
  return error instanceof StorageError && (error.kind === 'full' || error.kind === 'other');
}
