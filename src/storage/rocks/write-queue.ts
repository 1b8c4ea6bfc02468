import type { StorageOp } from '../storage.ts';

/** Waiting batches are joined up to so much; one larger batch goes alone. */
const JOINED_OPS_MAX = 2_000;
const JOINED_BYTES_MAX = 4 * 1024 * 1024;

interface Waiting {
  readonly ops: readonly StorageOp[];
  readonly bytes: number;
  readonly sync: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Hands batches to the engine one after the other: on its thread pool two at once might commit in
 * either order. What waits meanwhile is joined into one batch, which keeps each atomic.
 */
export class WriteQueue {
  readonly #commit: (ops: readonly StorageOp[], sync: boolean) => Promise<void>;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(commit: (ops: readonly StorageOp[], sync: boolean) => Promise<void>) {
    this.#commit = commit;
  }

  add(ops: readonly StorageOp[], sync: boolean): Promise<void> {
    let bytes = 0;
    for (const op of ops) {
      bytes += op.key.length;
      if (op.type === 'put') bytes += op.value.length;
    }
    const written = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ ops, bytes, sync, resolve, reject });
    });
    this.#last = written.catch(() => {});
    this.#running ??= this.#run();
    return written;
  }

  /** Resolves when all that was added before the call is committed or has failed. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #run(): Promise<void> {
    // Batches added in the same turn are joined too.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      const [first] = batch;
      const ops =
        batch.length === 1 && first !== undefined ? first.ops : batch.flatMap((each) => each.ops);
      try {
        if (ops.length > 0)
          await this.#commit(
            ops,
            batch.some(({ sync }) => sync),
          );
        for (const each of batch) each.resolve();
      } catch (error) {
        for (const each of batch) each.reject(error);
      }
    }
    this.#running = undefined;
  }

  #take(): Waiting[] {
    let count = 0;
    let opsSum = 0;
    let bytesSum = 0;
    for (const { ops, bytes } of this.#waiting) {
      opsSum += ops.length;
      bytesSum += bytes;
      if (count > 0 && (opsSum > JOINED_OPS_MAX || bytesSum > JOINED_BYTES_MAX)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
