import type { LogIdentity } from '../../log-identity.ts';
import type { LogRecord } from '../../record.ts';
import { type Storage, StorageError, type StorageOp } from '../../storage/storage.ts';
import type { AppendRequest, PartitionBounds } from '../wal.ts';
import {
  decodeOffset,
  decodeRecord,
  decodeTail,
  encodeOffset,
  encodeRecord,
  encodeTail,
  indexKey,
  offsetOfRecordKey,
  recordKey,
  recordOf,
  recordRange,
  tailKey,
} from './embedded-format.ts';
import { RecentRecords } from './recent-records.ts';

/** Above every offset that a number holds exactly. */
const OFFSET_LIMIT = Number.MAX_SAFE_INTEGER;
/** So many offsets are asked for one by one: before a scan, storage checks all that it holds. */
const FEW_OFFSETS = 4_096;
const OFFSETS_AT_ONCE = 64;

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
  /** The batch that the storage is writing now: it may have removed a record whose successor no reader can see yet. */
  #writing: Promise<void> | undefined;
  /** Batches that were given to the storage. */
  #commits = 0;

  private constructor(storage: Storage, identity: LogIdentity, tails: readonly Tail[]) {
    this.#storage = storage;
    this.identity = identity;
    this.#tails = tails;
    this.#recent = new RecentRecords(tails.map(({ end }) => end));
  }

  /** Rejects with StorageError, `corrupt` where the end that was stored is not one. */
  static async open(storage: Storage, identity: LogIdentity): Promise<EmbeddedLog> {
    const partitions = Array.from({ length: identity.partitions }, (_, partition) => partition);
    const stored = await storage.getMany(partitions.map(tailKey));
    const tails = await Promise.all(
      partitions.map(async (partition): Promise<Tail> => {
        const bytes = stored[partition];
        const { end, timestamp } =
          bytes === undefined ? await scannedTail(storage, partition) : decodeTail(bytes);
        return { end, next: end, timestamp };
      }),
    );
    // A partition's last record is its key's last: it is never superseded.
    const written = tails.flatMap(({ end }, partition) => (end > 0 ? [{ partition, end }] : []));
    const last = await storage.getMany(
      written.map(({ partition, end }) => recordKey(partition, end - 1)),
    );
    const lacks = written[last.indexOf(undefined)];
    if (lacks !== undefined) {
      const { partition, end } = lacks;
      const what = `the last record of partition ${partition}, ${end - 1}, is missing`;
      throw new StorageError(what, undefined, 'corrupt');
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

  /** Records from `from` on, in order: from memory where it reaches back so far, else from storage. */
  async *read(partition: number, from: number): AsyncGenerator<LogRecord, void> {
    if (this.#recent.covers(partition, from)) {
      yield* this.#recent.from(partition, from);
      return;
    }
    // Looked at here, not behind a promise of its own: no batch may begin between the look and the reading.
    while (this.#writing !== undefined) await settled(this.#writing);
    let next = from;
    const end = this.end(partition);
    if (end - from <= FEW_OFFSETS) {
      next = yield* this.#readFew(partition, from, end);
      if (next >= end) return;
      while (this.#writing !== undefined) await settled(this.#writing);
    }
    const range = recordRange(partition, next, this.end(partition));
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
    const ends = new Map(records.map((record) => [record.partition, encodeTail(record)]));
    const tails = [...ends].map(
      ([partition, value]): StorageOp => ({ type: 'put', key: tailKey(partition), value }),
    );
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
    return { records, ops: [...ops, ...tails] };
  }

  /** Writes a prepared batch and lets readers see it. A batch that fails leaves a hole: its offsets are not given again. */
  async commit({ records, ops }: PreparedBatch, sync: boolean): Promise<void> {
    this.#commits += 1;
    this.#writing = this.#storage.write(ops, { sync });
    try {
      await this.#writing;
    } finally {
      this.#writing = undefined;
    }
    this.#recent.add(records, this.ends());
    for (const { partition, offset } of records) this.#tail(partition).end = offset + 1;
  }

  /** Records from `from` on, as far as no batch comes in between; returns where it stopped. */
  async *#readFew(partition: number, from: number, end: number): AsyncGenerator<LogRecord, number> {
    const commits = this.#commits;
    let next = from;
    while (next < end) {
      const count = Math.min(OFFSETS_AT_ONCE, end - next);
      const found = await this.fetch(offsetsFrom(partition, next, count));
      if (commits !== this.#commits) return next;
      next += count;
      for (const record of found) if (record !== undefined) yield record;
    }
    return next;
  }

  #tail(partition: number): Tail {
    const tail = this.#tails[partition];
    if (tail === undefined) throw new RangeError(`the log has no partition ${partition}`);
    return tail;
  }
}

function settled(work: Promise<void>): Promise<void> {
  return work.catch(() => {});
}

/** The end of a partition that none is stored for: one without records, or from before ends were stored. */
async function scannedTail(
  storage: Storage,
  partition: number,
): Promise<{ readonly end: number; readonly timestamp: number }> {
  const last = { ...recordRange(partition, 0, OFFSET_LIMIT), reverse: true, limit: 1 };
  for await (const pairs of storage.iterate(last)) {
    for (const [key, bytes] of pairs) {
      const { offset, timestamp } = decodeRecord(partition, offsetOfRecordKey(key), bytes);
      return { end: offset + 1, timestamp };
    }
  }
  return { end: 0, timestamp: 0 };
}

function offsetsFrom(partition: number, first: number, count: number) {
  return Array.from({ length: count }, (_, i) => ({ partition, offset: first + i }));
}
