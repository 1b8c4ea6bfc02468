import { ServiceError } from '../../errors.ts';
import type { Appended, AppendRequest } from '../wal.ts';

const WAITING_COUNT_MAX = 100_000;
const WAITING_BYTES_MAX = 64 * 1024 * 1024;
const BATCH_COUNT_MAX = 2_000;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** What one waiting append costs beside its bytes. */
const APPEND_OVERHEAD_BYTES = 100;

export interface WaitingAppend {
  readonly request: AppendRequest;
  readonly bytes: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: ServiceError) => void;
}

/** Group commit: what arrives while one batch is being synced makes the next one. */
export class AppendQueue {
  readonly #commit: (batch: readonly WaitingAppend[]) => Promise<void>;
  readonly #waiting: WaitingAppend[] = [];
  #committing: readonly WaitingAppend[] = [];
  #bytes = 0;
  #count = 0;
  #running: Promise<void> | undefined;

  /** `commit` settles every append of its batch and never rejects. */
  constructor(commit: (batch: readonly WaitingAppend[]) => Promise<void>) {
    this.#commit = commit;
  }

  add(request: AppendRequest): Promise<Appended> {
    const bytes = request.key.length + request.value.length + APPEND_OVERHEAD_BYTES;
    if (this.#count >= WAITING_COUNT_MAX || this.#bytes + bytes > WAITING_BYTES_MAX) {
      throw new ServiceError('overloaded', 'Too many writes wait for the log', {
        outcome: 'not_written',
        retryAfterS: 1,
      });
    }
    this.#count += 1;
    this.#bytes += bytes;
    const appended = new Promise<Appended>((resolve, reject) => {
      this.#waiting.push({ request, bytes, resolve, reject });
    });
    this.#running ??= this.#run();
    return appended;
  }

  /** Resolves when nothing waits or is being written any more. */
  async drained(): Promise<void> {
    await this.#running;
  }

  /** Rejects all that is left: what was handed to the storage may still come to be. */
  abandon(why: string): void {
    for (const each of this.#waiting.splice(0)) each.reject(lost(why, 'not_written'));
    for (const each of this.#committing) each.reject(lost(why, 'unknown'));
  }

  async #run(): Promise<void> {
    // Appends of the same turn go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      this.#committing = this.#take();
      await this.#commit(this.#committing);
      for (const { bytes } of this.#committing) this.#bytes -= bytes;
      this.#count -= this.#committing.length;
      this.#committing = [];
    }
    this.#running = undefined;
  }

  #take(): WaitingAppend[] {
    let count = 0;
    let sum = 0;
    for (const { bytes } of this.#waiting) {
      sum += bytes;
      if (count > 0 && (count >= BATCH_COUNT_MAX || sum > BATCH_BYTES_MAX)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}

export function lost(why: string, outcome: 'not_written' | 'unknown', cause?: unknown) {
  return new ServiceError('log_unavailable', why, { outcome, retryAfterS: 1, cause });
}
