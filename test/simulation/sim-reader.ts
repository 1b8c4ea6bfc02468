import type { LogRecord } from '../../src/record.ts';
import type { ReadBatch, WalReader } from '../../src/wal/wal.ts';
import { type Incarnation, readableEnd, type SimPartition } from './sim-log.ts';
import type { SimWalOptions } from './sim-wal.ts';

const READ_WAIT_MS = 50;
const OFFSETS_PER_FETCH_MAX = 40;

export interface SimReaderOptions extends Omit<SimWalOptions, 'writeTimeoutMs' | 'sentAgain'> {
  readonly positions: readonly number[];
  readonly delay: () => number;
}

/** Reads on silently when its topic is re-created, or stops for ever without a word: both were seen. */
export class SimReader implements WalReader {
  readonly #options: SimReaderOptions;
  readonly #positions: number[];
  readonly #told: number[] = [];
  readonly #incarnation: Incarnation;
  readonly #followsRecreation: boolean;
  #closed = false;
  #pending = false;
  #wake: (() => void) | undefined;

  constructor(options: SimReaderOptions) {
    this.#options = options;
    this.#positions = [...options.positions];
    this.#incarnation = options.log.current;
    this.#followsRecreation = options.random.chance(0.5);
  }

  async next(max: number): Promise<ReadBatch> {
    if (this.#pending) throw new Error('one next at a time');
    this.#requireOpen();
    this.#pending = true;
    try {
      const waits = this.#options.delay();
      await this.#time(waits);
      let batch = this.#reads() ? this.#fetch(max) : undefined;
      if (batch === undefined && !this.#closed) {
        await this.#appendOrSilence(Math.max(0, READ_WAIT_MS - waits));
        if (this.#reads()) batch = this.#fetch(max);
      }
      this.#requireOpen();
      return batch ?? { records: [], reached: [] };
    } finally {
      await this.#options.awake();
      this.#pending = false;
    }
  }

  async seek(partition: number, offset: number): Promise<void> {
    this.#positions[partition] = offset;
    delete this.#told[partition];
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
  }

  #requireOpen(): void {
    if (this.#closed) throw new Error('closed');
  }

  #reads(): boolean {
    const { log, reachable, loses } = this.#options;
    const deaf = log.current !== this.#incarnation && !this.#followsRecreation;
    return !deaf && !this.#options.deaf() && log.up && reachable() && !loses();
  }

  /** What is there now, undefined for nothing. */
  #fetch(max: number): ReadBatch | undefined {
    const { log, random } = this.#options;
    const records: LogRecord[] = [];
    const reached: { partition: number; offset: number }[] = [];
    for (const [partition, each] of log.current.partitions.entries()) {
      const position = this.#positions[partition] ?? 0;
      if (position > each.end) throw new Error('Local: offset out of range (-140)');
      const end = readableEnd(each);
      if (position === end && this.#told[partition] === end) continue;
      const limit = Math.min(max - records.length, random.integer(1, OFFSETS_PER_FETCH_MAX));
      const from = indexOf(each, position);
      const to = indexOf(each, end);
      const found = each.records.slice(from, Math.min(from + limit, to));
      for (const record of found) records.push(record);
      const last = found.at(-1);
      this.#positions[partition] = last === undefined ? position : last.offset + 1;
      const complete = from + found.length === to;
      if (complete && this.#told[partition] !== end) {
        reached.push({ partition, offset: end });
        this.#told[partition] = end;
        this.#positions[partition] = end;
      }
    }
    return records.length + reached.length === 0 ? undefined : { records, reached };
  }

  #appendOrSilence(ms: number): Promise<void> {
    const { clock, log, delay } = this.#options;
    return new Promise((resolve) => {
      const done = () => {
        stop();
        cancel();
        this.#wake = undefined;
        resolve();
      };
      const cancel = clock.after(ms, done);
      const stop = log.onAppend(() => {
        stop();
        clock.after(delay(), done);
      });
      this.#wake = done;
    });
  }

  #time(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.after(ms, resolve));
  }
}

/** The index of the first record at or above an offset. */
function indexOf({ records }: SimPartition, offset: number): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((records[middle]?.offset ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
