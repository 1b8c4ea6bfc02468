import type { LogIdentity } from '../../src/log-identity.ts';
import type { LogRecord } from '../../src/record.ts';
import type { AppendRequest } from '../../src/wal/wal.ts';
import { type Random, type Scheduler, WALL_START_MS } from './scheduler.ts';

export interface SimPartition {
  /** In the order of their offsets; compaction leaves holes. */
  records: LogRecord[];
  end: number;
  /** Each leader has its own, and its own clock. */
  epoch: number;
  clockMs: number;
  /** The first record of a transaction that another producer has open: readers get no further. */
  openFrom: number | undefined;
  lastTimestamp: number;
  /** The cleaner has been up to here: an unclean election does not reach back so far. */
  cleanedTo: number;
  /** When a null tombstone that the cleaner has met may go, by offset. */
  readonly horizons: Map<number, number>;
}

/** One life of the topic: a re-created topic is another one. */
export interface Incarnation {
  readonly identity: LogIdentity;
  readonly partitions: SimPartition[];
}

/** What ever was appended: for the checkers. */
export interface AppendedEver {
  readonly topicId: string;
  readonly record: LogRecord;
  /** The leader's that took it. */
  readonly epoch: number;
  readonly at: number;
  /** When the transaction before which it had to wait ended; Infinity while it is open. */
  readableAt?: number;
  /** Truncated away. */
  lostAt?: number;
  /** A null tombstone that the cleaner removed. */
  droppedAt?: number;
}

export interface SimLogOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly partitions: number;
  /** How long null tombstones stay after the cleaner has met them, ms. */
  readonly deleteRetentionMs: number;
  /** What its settings say; undefined where they may not be read. */
  readonly uncleanElection?: boolean | undefined;
  /** Whether it has a cleaner; default: yes. */
  readonly cleaned?: boolean;
  /** Wall time at the scheduler's 0; default: the machines'. */
  readonly wallStartMs?: number;
}

const ACTIVE_RECORDS_MAX = 10;
/** The cleaner lets a segment that is written to alone, and so all that is as young as this. */
export const CLEANED_AGE_MS = 200;
/** How far leaders' clocks are off. */
const LEADER_CLOCK_MS_MAX = 200;

/** How far readers get. */
export function readableEnd({ end, openFrom }: SimPartition): number {
  return openFrom ?? end;
}

/** The Kafka cluster: one topic, its faults, and a memory of everything that was ever appended. */
export class SimLog {
  readonly #options: SimLogOptions;
  #made = 0;
  current: Incarnation;
  #up = true;
  /** How often it was out of everybody's reach. */
  outages = 0;
  /** Null tombstones that the cleaner has removed. */
  tombstonesDropped = 0;
  readonly ever: AppendedEver[] = [];
  /** Unclean elections: what lay at `end` and beyond was lost, control records too. */
  readonly truncations: {
    readonly partition: number;
    readonly end: number;
    readonly at: number;
  }[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(options: SimLogOptions) {
    this.#options = options;
    this.current = this.#make('cluster-1');
  }

  get uncleanElection(): boolean | undefined {
    return this.#options.uncleanElection;
  }

  get deleteRetentionMs(): number {
    return this.#options.deleteRetentionMs;
  }

  get up(): boolean {
    return this.#up;
  }

  set up(up: boolean) {
    if (this.#up && !up) this.outages++;
    this.#up = up;
  }

  get now(): number {
    return this.#options.scheduler.now;
  }

  #make(clusterId: string): Incarnation {
    const { partitions: count } = this.#options;
    const partitions = Array.from({ length: count }, () => ({
      records: [],
      end: 0,
      epoch: 0,
      clockMs: 0,
      openFrom: undefined,
      lastTimestamp: 0,
      cleanedTo: 0,
      horizons: new Map(),
    }));
    const topicId = `topic-${++this.#made}`;
    return { identity: { clusterId, topicId, topic: 'simulated', partitions: count }, partitions };
  }

  partition(partition: number): SimPartition {
    const found = this.current.partitions[partition];
    if (found === undefined) throw new RangeError(`no partition ${partition}`);
    return found;
  }

  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  append(request: Omit<AppendRequest, 'value'> & { readonly value: Buffer | null }): LogRecord {
    const { partition, key, value, headers } = request;
    const { scheduler, wallStartMs = WALL_START_MS } = this.#options;
    const each = this.partition(partition);
    // LogAppendTime: weakly rising, except where the clock of a new leader stands back.
    const now = Math.floor(wallStartMs + scheduler.now) + each.clockMs;
    const timestamp = Math.max(each.lastTimestamp, now);
    each.lastTimestamp = timestamp;
    const record: LogRecord = {
      partition,
      offset: each.end++,
      timestamp,
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: headers.map((header) => ({ name: header.name, value: Buffer.from(header.value) })),
    };
    each.records.push(record);
    const { topicId } = this.current.identity;
    const waits = each.openFrom !== undefined && { readableAt: Number.POSITIVE_INFINITY };
    this.ever.push({ topicId, record, epoch: each.epoch, at: scheduler.now, ...waits });
    this.#tell();
    return record;
  }

  /** A transaction's control record: an offset that no reader ever sees. */
  control(partition: number): void {
    this.partition(partition).end++;
    this.#tell();
  }

  /** A foreign transaction begins with the next record; the returned function ends it. */
  openTransaction(partition: number): () => void {
    const each = this.partition(partition);
    each.openFrom ??= each.end;
    return () => {
      each.openFrom = undefined;
      each.end++;
      for (const appended of this.ever) {
        if (appended.readableAt === undefined || appended.record.partition !== partition) continue;
        appended.readableAt = Math.min(appended.readableAt, this.#options.scheduler.now);
      }
      this.#tell();
    };
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /**
   * Kafka's cleaner: below the active part only the last record of each key stays, and a null
   * tombstone goes once it was met by a pass so long ago.
   */
  compact(partition: number): void {
    const { scheduler, random, cleaned = true } = this.#options;
    if (!cleaned) return;
    const each = this.partition(partition);
    const newest = Math.min(
      readableEnd(each) - random.integer(1, ACTIVE_RECORDS_MAX),
      this.#youngFrom(partition),
    );
    const active = Math.max(each.cleanedTo, newest);
    each.cleanedTo = active;
    const last = new Map<string, number>();
    for (const { key, offset } of each.records) {
      if (key !== null && offset < active) last.set(key.toString('latin1'), offset);
    }
    each.records = each.records.filter(({ key, value, offset }) => {
      if (offset >= active) return true;
      if (key === null || last.get(key.toString('latin1')) !== offset) return false;
      if (value !== null) return true;
      const horizon = each.horizons.get(offset);
      if (horizon === undefined) {
        each.horizons.set(offset, scheduler.now + this.#options.deleteRetentionMs);
        return true;
      }
      if (scheduler.now < horizon) return true;
      this.#drop(partition, offset);
      return false;
    });
  }

  /** The first offset that the cleaner lets alone for its youth. */
  #youngFrom(partition: number): number {
    const since = this.#options.scheduler.now - CLEANED_AGE_MS;
    const young = this.#of(partition).find(({ at }) => at > since);
    return young?.record.offset ?? Number.POSITIVE_INFINITY;
  }

  #drop(partition: number, offset: number): void {
    this.tombstonesDropped++;
    for (const each of this.#of(partition)) {
      if (each.record.offset === offset) each.droppedAt = this.#options.scheduler.now;
    }
  }

  /** Another leader, with a clock of its own. */
  failOver(partition: number): void {
    const each = this.partition(partition);
    each.epoch++;
    each.clockMs = this.#options.random.integer(-LEADER_CLOCK_MS_MAX, LEADER_CLOCK_MS_MAX);
    each.lastTimestamp = 0;
  }

  /** An unclean election: the newest records are gone, their offsets are given again. */
  truncate(partition: number, count: number): number {
    const each = this.partition(partition);
    const end = Math.max(each.cleanedTo, each.end - count);
    const lost = each.records.filter(({ offset }) => offset >= end).length;
    for (const appended of this.#of(partition)) {
      if (appended.record.offset >= end) appended.lostAt = this.#options.scheduler.now;
    }
    each.records = each.records.filter(({ offset }) => offset < end);
    each.end = end;
    this.failOver(partition);
    if (end <= (each.openFrom ?? 0)) each.openFrom = undefined;
    this.truncations.push({ partition, end, at: this.#options.scheduler.now });
    return lost;
  }

  /** Another topic, or another cluster, stands at the address from now on. Gives back the former one. */
  swap(what: 'topic' | 'cluster'): Incarnation {
    const old = this.current;
    const { clusterId } = old.identity;
    this.current = this.#make(what === 'topic' ? clusterId : `cluster-${this.#made + 1}`);
    return old;
  }

  restore(incarnation: Incarnation): void {
    this.current = incarnation;
  }

  /** What was appended to a partition of the current log and is not truncated. */
  #of(partition: number): AppendedEver[] {
    const { topicId } = this.current.identity;
    return this.ever.filter(
      (each) =>
        each.topicId === topicId &&
        each.record.partition === partition &&
        each.lostAt === undefined,
    );
  }
}
