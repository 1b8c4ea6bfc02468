import { withDeadline } from '../async.ts';
import type { Clock } from '../clock.ts';
import type { Codec, EncodedRecord } from '../codec/codec.ts';
import { requireKey } from '../codec/utf8.ts';
import type { Entry, Version } from '../entry.ts';
import { messageOf, ServiceError } from '../errors.ts';
import { formatLogId } from '../log-identity.ts';
import type { Logger } from '../logger.ts';
import type { Freshness } from '../progress/freshness.ts';
import type { OwnWrites } from '../progress/own-writes.ts';
import type { Patchy } from '../progress/patchy.ts';
import type { Positions } from '../progress/positions.ts';
import type { Prober } from '../progress/prober.ts';
import { type Entries, UNKNOWN } from '../table/entries.ts';
import type { Table } from '../table/table.ts';
import type { Wal } from '../wal/wal.ts';
import type { KeyValueStore, ReadAnswer, ReadOptions, WriteAnswer } from './key-value-store.ts';

/** The part of `peers/` that reads need. */
export interface AskPeers {
  /** Never rejects: where nobody knows better the local state comes back as `behind`. */
  read(request: {
    readonly key: string;
    readonly partition: number;
    readonly local: { readonly position: number; readonly entry: Entry | undefined };
    readonly logId: string | undefined;
  }): Promise<{
    readonly trust: 'peer' | 'behind';
    readonly entry: Entry | undefined;
    readonly source: 1 | 2;
    /** A fresh peer answered: what it does not have does not exist. */
    readonly freshPeer: boolean;
  }>;
}

export interface StoreOptions {
  readonly table: Table;
  readonly entries: Entries;
  readonly positions: Positions;
  readonly freshness: Freshness;
  readonly patchy: Patchy;
  readonly ownWrites: OwnWrites;
  readonly prober: Prober;
  readonly wal: Wal;
  readonly peers: AskPeers;
  /** undefined until the log was met in this run. */
  readonly codec: () => Codec | undefined;
  /** A key's partition. */
  readonly place: (key: Buffer, partitions: number) => number;
  /** The log's own limit of key + value bytes, undefined where it sets none. */
  readonly recordBytesMax: () => number | undefined;
  /** Doubts the log where nothing was heard of it for long. */
  readonly noteSilence: () => void;
  /** Whether the log, asked now, is ours. */
  readonly sameLogNow: () => Promise<boolean>;
  /** Whether the log may lose acknowledged records while we are out of contact. */
  readonly mayHaveLost: () => boolean;
  /** Another log stands where ours was: writes are refused at once. */
  readonly halted: () => boolean;
  readonly limits: { readonly keyBytesMax: number; readonly valueBytesMax: number };
  readonly staleAfterMs: number;
  readonly writeTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long a read waits for a version that its caller names. */
const AFTER_WAIT_MS = 2_000;
const RETRY_AFTER_S = 1;

/** Reads from cache, storage and peers; writes to the log and nowhere else. */
export class Store implements KeyValueStore {
  readonly #options: StoreOptions;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  logId(): string | undefined {
    const { identity } = this.#options.table;
    return identity === undefined ? undefined : formatLogId(identity);
  }

  getNow(key: string): ReadAnswer | undefined {
    const { table, freshness, ownWrites, positions, entries } = this.#options;
    if (table.partitions === 0 || ownWrites.get(key) !== undefined) return undefined;
    const partition = this.#partitionOf(key);
    if (!freshness.fresh(partition)) return undefined;
    const position = positions.get(partition);
    const entry = entries.getNow(partition, key);
    if (entry === UNKNOWN) return undefined;
    return { trust: 'final', partition, position, entry, source: 1 };
  }

  async getLocal(key: string, options: ReadOptions = {}): Promise<ReadAnswer> {
    const { answer, standing } = await this.#readLocal(key, options);
    return { ...answer, position: standing };
  }

  async get(key: string, options: ReadOptions = {}): Promise<ReadAnswer> {
    const recovered = this.#everRecovered(this.#partitionOf(key));
    const { answer: local, standing } = await this.#readLocal(key, options);
    if (local.trust === 'final') return local;
    const { partition, entry } = local;
    const found = await this.#options.peers.read({
      key,
      partition,
      local: { position: standing, entry },
      logId: this.logId(),
    });
    if (found.entry === undefined && !found.freshPeer && !recovered) {
      // What was not found may have been recovered while peers were asked.
      if (this.#everRecovered(this.#partitionOf(key))) return this.get(key);
      throw new ServiceError(
        'recovering',
        'This node has not recovered the partition of the key yet and no other node can tell',
        { retryAfterS: RETRY_AFTER_S },
      );
    }
    return { ...local, trust: found.trust, entry: found.entry, source: found.source };
  }

  async put(key: string, value: Buffer): Promise<WriteAnswer> {
    this.#requireWritable(key);
    const { valueBytesMax } = this.#options.limits;
    if (value.length > valueBytesMax) {
      throw new ServiceError(
        'too_large',
        `The value has ${value.length} bytes, ${valueBytesMax} are allowed`,
      );
    }
    return this.#append(key, this.#codec().encodePut(key, value));
  }

  async delete(key: string): Promise<WriteAnswer> {
    this.#requireWritable(key);
    return this.#append(key, this.#codec().encodeDelete(key));
  }

  /** This node's own answer, and the position that it may be ranked by among others' answers. */
  async #readLocal(
    key: string,
    { after }: ReadOptions,
  ): Promise<{ readonly answer: ReadAnswer; readonly standing: number }> {
    requireKey(key);
    this.#requireLength(key);
    const partition = this.#partitionOf(key);
    if (after !== undefined) await this.#waitFor(after, partition);
    const { ownWrites, positions, freshness, patchy, prober, entries } = this.#options;
    const { staleAfterMs, clock, mayHaveLost } = this.#options;
    const own = ownWrites.get(key);
    let seen = true;
    if (own !== undefined) seen = await positions.applied(partition, own, staleAfterMs);
    if (seen && !freshness.fresh(partition) && freshness.worthAsking(partition)) {
      await withDeadline(clock, prober.ask(), staleAfterMs, () => false);
    }
    const trust = seen && freshness.fresh(partition) ? 'final' : 'behind';
    const position = positions.get(partition);
    // Before the first recovery, and on the way through a compacted log, an absence says nothing:
    // compaction may have taken the key's former record away and left the later one beyond the
    // position. Nor does it where offsets may have been given twice: the one that is ours may stand
    // for another record. As of 0 it beats no other answer.
    const sound =
      this.#everRecovered(partition) &&
      !patchy.has(partition) &&
      (freshness.identityConfirmed || !mayHaveLost());
    let entry: Entry | undefined;
    if (this.#options.table.partitions > 0) {
      try {
        entry = await entries.get(partition, key);
      } catch (error) {
        this.#options.logger.error({ partition, reason: messageOf(error) }, 'storage read failed');
        throw new ServiceError('storage', 'The local storage cannot be read', { cause: error });
      }
    }
    const standing = entry !== undefined || sound ? position : 0;
    return { answer: { trust, partition, position, entry, source: 1 }, standing };
  }

  async #waitFor(after: Version, partition: number): Promise<void> {
    const { positions, freshness, patchy, clock, table, mayHaveLost, halted } = this.#options;
    // Before the log was met nobody knows which partition is the key's.
    if (table.partitions === 0) throw notYet();
    if (after.partition !== partition) {
      throw new ServiceError(
        'bad_version',
        `The version is of partition ${after.partition}, the key is in partition ${partition}`,
      );
    }
    const until = clock.monotonic() + AFTER_WAIT_MS;
    // Where the log may give an offset twice, or another one was met, what was applied there may be
    // another record.
    const doubtful = mayHaveLost() || halted();
    if (doubtful && !(await freshness.identityWithin(AFTER_WAIT_MS))) throw notYet();
    if (positions.get(partition) > after.offset && !patchy.has(partition)) return;
    if (await this.#logEndsBefore(after)) {
      throw new ServiceError(
        'bad_version',
        `The version ${after.partition}:${after.offset} lies beyond the log’s end`,
      );
    }
    const left = () => until - clock.monotonic();
    const applied = await positions.applied(partition, after.offset, left());
    if (!applied || !(await patchy.mendedWithin(partition, left()))) throw notYet();
  }

  /** Whether the log, asked, says that it has no such version. */
  async #logEndsBefore({ partition, offset }: Version): Promise<boolean> {
    const { prober, freshness, clock } = this.#options;
    const told = await withDeadline(clock, prober.ask(), AFTER_WAIT_MS, () => false);
    const end = freshness.end(partition);
    return told && freshness.identityConfirmed && end !== null && offset >= end;
  }

  async #append(key: string, record: EncodedRecord): Promise<WriteAnswer> {
    const { wal, positions, ownWrites, freshness, clock, writeTimeoutMs } = this.#options;
    const keyBytes = Buffer.from(key);
    const partition = this.#options.place(keyBytes, this.#options.table.partitions);
    const limit = this.#options.recordBytesMax();
    const size = keyBytes.length + record.value.length;
    if (limit !== undefined && size > limit) {
      throw new ServiceError(
        'too_large',
        `Key and value have ${size} bytes, the topic’s max.message.bytes allows ${limit}`,
      );
    }
    const until = clock.monotonic() + writeTimeoutMs;
    if (!(await freshness.identityWithin(writeTimeoutMs))) {
      throw unavailable('The log cannot be reached', 'not_written');
    }
    const changes = freshness.logChanges;
    const { sameLogNow, noteSilence } = this.#options;
    const { offset, timestamp } = await withDeadline(
      clock,
      wal.append({ partition, key: keyBytes, ...record }),
      until - clock.monotonic(),
      () => {
        throw unavailable('The log did not acknowledge in time', 'unknown');
      },
    );
    // An acknowledgement that came while the log's identity was in doubt, or had to be (we may have
    // slept), may be another log's, even if ours is back by now: it counts only if ours answers at
    // once, and is found unchanged.
    noteSilence();
    const confirmed =
      freshness.identityConfirmed ||
      ((await sameLogNow()) && (await freshness.identityWithin(until - clock.monotonic())));
    if (!confirmed || freshness.logChanges !== changes) {
      throw unavailable('It is in doubt which log acknowledged', 'unknown');
    }
    if (positions.get(partition) <= offset)
      ownWrites.add(partition, key, offset, clock.monotonic());
    return { version: { partition, offset }, timestamp };
  }

  #requireWritable(key: string): void {
    requireKey(key);
    this.#requireLength(key);
    if (this.#options.halted()) {
      throw unavailable('Another log stands where this node’s was', 'not_written');
    }
  }

  #requireLength(key: string): void {
    const { keyBytesMax } = this.#options.limits;
    // A character is at most 3 bytes of UTF-8 per UTF-16 unit: most keys need no counting.
    if (key.length * 3 <= keyBytesMax) return;
    const bytes = Buffer.byteLength(key);
    if (bytes > keyBytesMax) {
      throw new ServiceError('too_large', `The key has ${bytes} bytes, ${keyBytesMax} are allowed`);
    }
  }

  #codec(): Codec {
    const codec = this.#options.codec();
    if (codec === undefined) throw unavailable('The log was not reached yet', 'not_written');
    return codec;
  }

  #partitionOf(key: string): number {
    const { partitions } = this.#options.table;
    return partitions === 0 ? 0 : this.#options.place(Buffer.from(key), partitions);
  }

  #everRecovered(partition: number): boolean {
    const { table } = this.#options;
    return table.partitions > 0 && table.state(partition).active.recovered;
  }
}

function notYet(): ServiceError {
  return new ServiceError('not_yet', 'This node has not applied that version yet', {
    retryAfterS: RETRY_AFTER_S,
  });
}

function unavailable(message: string, outcome: 'not_written' | 'unknown'): ServiceError {
  return new ServiceError('log_unavailable', message, { outcome, retryAfterS: RETRY_AFTER_S });
}
