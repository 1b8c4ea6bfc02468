import type { LogIdentity } from '../../log-identity.ts';
import type { LogRecord } from '../../record.ts';
import type { Storage, StorageOp } from '../../storage/storage.ts';
import type { AppendRequest, PartitionBounds } from '../wal.ts';
import {
  decodeOffset,
  decodeRecord,
  encodeOffset,
  encodeRecord,
  indexKey,
  offsetOfRecordKey,
  recordKey,
  recordOf,
  recordRange,
} from './embedded-format.ts';
import { RecentRecords } from './recent-records.ts';

/** Above every offset that a number holds exactly. */
const OFFSET_LIMIT = Number.MAX_SAFE_INTEGER;

interface Tail {
  /** The next offset that readers may reach. */
  end: number;
  /** The next offset to be given: above `end` while a batch is written, or after one failed. */
  next: number;
  timestamp: number;
}

/** A batch with its places, to be written as one storage batch. */
export interface PreparedBatch {
  readonly records: readonly LogRecord[];
  readonly ops: readonly StorageOp[];
}

/**
 * Partitions of records in a storage: the last record of each key, deletes included, for ever.
 * One batch at a time: `prepare`, then `commit`.
 */
export class EmbeddedLog {
  readonly identity: LogIdentity;
  readonly #storage: Storage;
  readonly #tails: readonly Tail[];
  readonly #recent: RecentRecords;
  /** The batch that the storage is writing now. */
  #writing: Promise<void> | undefined;

  private constructor(storage: Storage, identity: LogIdentity, tails: readonly Tail[]) {
    this.#storage = storage;
    this.identity = identity;
    this.#tails = tails;
    this.#recent = new RecentRecords(tails.map(({ end }) => end));
  }

  static async open(storage: Storage, identity: LogIdentity): Promise<EmbeddedLog> {
    const tails: Tail[] = [];
    for (let partition = 0; partition < identity.partitions; partition += 1) {
      const tail: Tail = { end: 0, next: 0, timestamp: 0 };
      // A partition's last record is its key's last: it is never superseded, so it tells the end.
      const last = { ...recordRange(partition, 0, OFFSET_LIMIT), reverse: true, limit: 1 };
      for await (const pairs of storage.iterate(last)) {
        for (const [key, bytes] of pairs) {
          const record = decodeRecord(partition, offsetOfRecordKey(key), bytes);
          tail.end = record.offset + 1;
          tail.next = tail.end;
          tail.timestamp = record.timestamp;
        }
      }
      tails.push(tail);
    }
    return new EmbeddedLog(storage, identity, tails);
  }

  ends(): number[] {
    return this.#tails.map(({ end }) => end);
  }

  end(partition: number): number {
    return this.#tail(partition).end;
  }

  /** All start at 0: superseded records leave holes, and their keys' later records stay. */
  bounds(): PartitionBounds[] {
    return this.#tails.map(({ end }) => ({ start: 0, end, readable: end }));
  }

  async fetch(
    places: readonly { readonly partition: number; readonly offset: number }[],
  ): Promise<(LogRecord | undefined)[]> {
    const ends = this.ends();
    const keys = places.map(({ partition, offset }) => recordKey(partition, offset));
    const found = await this.#storage.getMany(keys);
    return places.map(({ partition, offset }, i) => {
      const bytes = found[i];
      if (bytes === undefined || offset >= (ends[partition] ?? 0)) return undefined;
      return decodeRecord(partition, offset, bytes);
    });
  }

  /** Records from `from` on, in order: from memory where it reaches back so far, else by a range scan. */
  async *read(partition: number, from: number): AsyncGenerator<LogRecord, void> {
    if (this.#recent.covers(partition, from)) {
      yield* this.#recent.from(partition, from);
      return;
    }
    // A batch under way may have removed a record whose successor no reader can see yet.
    while (this.#writing !== undefined) await this.#writing.catch(() => {});
    const range = recordRange(partition, from, this.end(partition));
    for await (const pairs of this.#storage.iterate(range)) {
      for (const [key, bytes] of pairs)
        yield decodeRecord(partition, offsetOfRecordKey(key), bytes);
    }
  }

  /** Gives the appends their places; removes, in the same batch, the records that they supersede. */
  async prepare(requests: readonly AppendRequest[], now: number): Promise<PreparedBatch> {
    const last = new Map<string, { index: Buffer; record: LogRecord }>();
    const records = requests.map((request) => {
      const tail = this.#tail(request.partition);
      tail.timestamp = Math.max(tail.timestamp, now);
      const record = recordOf(request, tail.next, tail.timestamp);
      tail.next += 1;
      const index = indexKey(request.partition, request.key);
      last.set(index.toString('latin1'), { index, record });
      return record;
    });
    const kept = [...last.values()];
    const superseded = await this.#storage.getMany(kept.map(({ index }) => index));
    const ops = kept.flatMap(({ index, record }, i): StorageOp[] => {
      const { partition, offset } = record;
      const former = superseded[i];
      const own: StorageOp[] = [
        { type: 'put', key: recordKey(partition, offset), value: encodeRecord(record) },
        { type: 'put', key: index, value: encodeOffset(offset) },
      ];
      if (former === undefined) return own;
      return [{ type: 'del', key: recordKey(partition, decodeOffset(former)) }, ...own];
    });
    return { records, ops };
  }

  /** Writes a prepared batch and lets readers see it. A batch that fails leaves a hole: its offsets are not given again. */
  async commit({ records, ops }: PreparedBatch, sync: boolean): Promise<void> {
    this.#writing = this.#storage.write(ops, { sync });
    try {
      await this.#writing;
    } finally {
      this.#writing = undefined;
    }
    this.#recent.add(records, this.ends());
    for (const { partition, offset } of records) this.#tail(partition).end = offset + 1;
  }

  #tail(partition: number): Tail {
    const tail = this.#tails[partition];
    if (tail === undefined) throw new RangeError(`the log has no partition ${partition}`);
    return tail;
  }
}
