import { type Deferred, deferred } from '../../async.ts';
import type { Clock } from '../../clock.ts';
import type { LogRecord } from '../../record.ts';
import type { ReadBatch, WalReader } from '../wal.ts';
import { recordBytes } from './embedded-format.ts';
import type { EmbeddedLog } from './embedded-log.ts';

const WAIT_MS = 50;
/** A step ends at so many bytes of records, whatever was asked. */
const STEP_BYTES_MAX = 8 * 1024 * 1024;

export interface EmbeddedReaderOptions {
  readonly log: EmbeddedLog;
  readonly clock: Clock;
  readonly positions: readonly number[];
  readonly closed: () => void;
}

export class EmbeddedReader implements WalReader {
  readonly #options: EmbeddedReaderOptions;
  readonly #positions: number[];
  /** Per partition, the end last told as reached; -1 for none. */
  readonly #told: number[];
  /** Where the next step begins, so that one full partition cannot starve the others. */
  #turn = 0;
  #waiting: Deferred<void> | undefined;
  /** Whether something was appended since the last step began. */
  #isStale = false;
  #isClosed = false;

  constructor(options: EmbeddedReaderOptions) {
    this.#options = options;
    this.#positions = [...options.positions];
    this.#told = options.positions.map(() => -1);
  }

  async next(max: number): Promise<ReadBatch> {
    this.#refuseClosed();
    const batch = await this.#step(max);
    if (batch.records.length > 0 || batch.reached.length > 0 || this.#isClosed) return batch;
    await this.#appended();
    return this.#isClosed ? batch : this.#step(max);
  }

  async seek(partition: number, offset: number): Promise<void> {
    this.#refuseClosed();
    this.#positions[partition] = offset;
    this.#told[partition] = -1;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.wake();
    this.#options.closed();
  }

  /** Something was appended: a waiting `next` looks again. */
  wake(): void {
    this.#isStale = true;
    this.#waiting?.resolve();
  }

  async #step(max: number): Promise<ReadBatch> {
    this.#isStale = false;
    const records: LogRecord[] = [];
    const reached: { partition: number; offset: number }[] = [];
    let room = { count: max, bytes: STEP_BYTES_MAX };
    const count = this.#positions.length;
    for (let i = 0; i < count && room.count > 0 && room.bytes > 0; i += 1) {
      const partition = (this.#turn + i) % count;
      room = await this.#readPartition(partition, room, records);
      const end = this.#options.log.end(partition);
      if (this.#positions[partition] === end && this.#told[partition] !== end) {
        this.#told[partition] = end;
        reached.push({ partition, offset: end });
      }
    }
    this.#turn = (this.#turn + 1) % count;
    return { records, reached };
  }

  /** Adds what the partition has, as far as there is room, and gives the room left. */
  async #readPartition(
    partition: number,
    room: { readonly count: number; readonly bytes: number },
    records: LogRecord[],
  ): Promise<{ count: number; bytes: number }> {
    const { log } = this.#options;
    let { count, bytes } = room;
    // Read before the records: all below it is there, or was superseded.
    const end = log.end(partition);
    const from = this.#positions[partition] ?? end;
    if (from >= end) return { count, bytes };
    for await (const record of log.read(partition, from)) {
      records.push(record);
      this.#positions[partition] = record.offset + 1;
      count -= 1;
      bytes -= recordBytes(record);
      if (count <= 0 || bytes <= 0) return { count, bytes };
    }
    this.#positions[partition] = Math.max(this.#positions[partition] ?? 0, end);
    return { count, bytes };
  }

  async #appended(): Promise<void> {
    if (this.#isStale) return;
    const waiting = deferred<void>();
    this.#waiting = waiting;
    const cancel = this.#options.clock.after(WAIT_MS, waiting.resolve);
    await waiting.promise;
    cancel();
    this.#waiting = undefined;
  }

  #refuseClosed(): void {
    if (this.#isClosed) throw new Error('the reader is closed');
  }
}
