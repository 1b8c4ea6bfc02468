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
    for (const record of inRoomOfTheirOwn(records)) {
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

/**
 * The same records in one piece of memory: what a request brought are small parts of buffers that others
 * share, and a few of them would keep all of those alive.
 */
function inRoomOfTheirOwn(records: readonly LogRecord[]): LogRecord[] {
  let bytes = 0;
  for (const record of records) {
    bytes += recordBytes(record);
    for (const { value } of record.headers) bytes += value.length;
  }
  const room = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  const own = <T extends Buffer | null>(part: T): T | Buffer => {
    if (part === null) return part;
    const from = at;
    at += part.length;
    room.set(part, from);
    return room.subarray(from, at);
  };
  return records.map((record) => ({
    ...record,
    key: own(record.key),
    value: own(record.value),
    headers: record.headers.map(({ name, value }) => ({ name, value: own(value) })),
  }));
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
