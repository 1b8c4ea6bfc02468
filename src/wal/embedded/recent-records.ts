import type { LogRecord } from '../../record.ts';
import { recordBytes } from './embedded-format.ts';

const GENERATION_BYTES_MAX = 8 * 1024 * 1024;
const GENERATION_RECORDS_MAX = 20_000;

/** Records appended since some moment; `starts` are the ends at that moment. */
interface Generation {
  readonly starts: readonly number[];
  readonly records: readonly LogRecord[][];
}

/**
 * The newest records in memory, for readers at the tail. Bounded by two generations: when the
 * younger one is full, the older one goes.
 */
export class RecentRecords {
  #old: Generation;
  #young: Generation;
  #youngBytes = 0;
  #youngCount = 0;

  constructor(ends: readonly number[]) {
    this.#old = emptyGeneration(ends);
    this.#young = this.#old;
  }

  /** `ends`: the ends before these records. In order per partition. */
  add(records: readonly LogRecord[], ends: readonly number[]): void {
    if (this.#youngBytes > GENERATION_BYTES_MAX || this.#youngCount > GENERATION_RECORDS_MAX) {
      this.#old = this.#young;
      this.#young = emptyGeneration(ends);
      this.#youngBytes = 0;
      this.#youngCount = 0;
    }
    for (const record of records) {
      this.#young.records[record.partition]?.push(record);
      this.#youngBytes += recordBytes(record);
      this.#youngCount += 1;
    }
  }

  /** The records from `offset` on; all of them only where `covers` says so. */
  *from(partition: number, offset: number): Generator<LogRecord, void> {
    for (const { records } of this.#young === this.#old ? [this.#old] : [this.#old, this.#young]) {
      const own = records[partition] ?? [];
      for (let i = firstAt(own, offset); i < own.length; i += 1) {
        const record = own[i];
        if (record !== undefined) yield record;
      }
    }
  }

  /** Whether memory reaches back to `offset`. */
  covers(partition: number, offset: number): boolean {
    return offset >= (this.#old.starts[partition] ?? Number.MAX_SAFE_INTEGER);
  }
}

function emptyGeneration(ends: readonly number[]): Generation {
  return { starts: [...ends], records: ends.map(() => []) };
}

function firstAt(records: readonly LogRecord[], offset: number): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((records[middle]?.offset ?? offset) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
