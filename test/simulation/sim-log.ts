import type { LogIdentity } from '../../src/log-identity.ts';
import type { LogRecord } from '../../src/record.ts';
import type { AppendRequest } from '../../src/wal/wal.ts';
import type { Random, Scheduler } from './scheduler.ts';

export interface SimPartition {
  /** In the order of their offsets; compaction leaves holes. */
  records: LogRecord[];
  end: number;
  lastTimestamp: number;
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
  readonly at: number;
  /** Truncated away or lost with its topic. */
  lostAt?: number;
}

const APPEND_TIME_START_MS = Date.UTC(2026, 0, 1);

/** The Kafka cluster: one topic, its faults, and a memory of everything that was ever appended. */
export class SimLog {
  readonly scheduler: Scheduler;
  readonly #random: Random;
  readonly #partitionCount: number;
  #made = 0;
  current: Incarnation;
  up = true;
  readonly ever: AppendedEver[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(scheduler: Scheduler, random: Random, partitionCount: number) {
    this.scheduler = scheduler;
    this.#random = random;
    this.#partitionCount = partitionCount;
    this.current = this.#make('cluster-1');
  }

  #make(clusterId: string): Incarnation {
    const partitions = Array.from({ length: this.#partitionCount }, () => ({
      records: [],
      end: 0,
      lastTimestamp: 0,
    }));
    const topicId = `topic-${++this.#made}`;
    return {
      identity: { clusterId, topicId, topic: 'simulated', partitions: this.#partitionCount },
      partitions,
    };
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

  append({ partition, key, value, headers }: AppendRequest): LogRecord {
    const each = this.partition(partition);
    // LogAppendTime is weakly rising except where a fail-over met a clock that stands back.
    const now = Math.floor(APPEND_TIME_START_MS + this.scheduler.now);
    const timestamp = this.#random.chance(0.02) ? now - 50 : Math.max(each.lastTimestamp, now);
    each.lastTimestamp = timestamp;
    const record: LogRecord = {
      partition,
      offset: each.end++,
      timestamp,
      key: Buffer.from(key),
      value: Buffer.from(value),
      headers: headers.map((header) => ({ name: header.name, value: Buffer.from(header.value) })),
    };
    this.#add(each, record);
    return record;
  }

  /** A foreign producer's null tombstone. */
  tombstone(partition: number, key: Buffer): void {
    const each = this.partition(partition);
    const timestamp = Math.floor(APPEND_TIME_START_MS + this.scheduler.now);
    const record = { partition, offset: each.end++, timestamp, key, value: null, headers: [] };
    this.#add(each, record);
  }

  /** A transaction's control record: an offset that no reader ever sees. */
  control(partition: number): void {
    this.partition(partition).end++;
    for (const listener of [...this.#listeners]) listener();
  }

  #add(each: SimPartition, record: LogRecord): void {
    each.records.push(record);
    this.ever.push({
      topicId: this.current.identity.topicId,
      record,
      at: this.scheduler.now,
    });
    for (const listener of [...this.#listeners]) listener();
  }

  /** Kafka's cleaner: below the active part only the last record of each key stays. */
  compact(partition: number): void {
    const each = this.partition(partition);
    const active = Math.max(0, each.end - this.#random.integer(1, 10));
    const last = new Map<string, number>();
    for (const { key, offset } of each.records) {
      if (key !== null && offset < active) last.set(key.toString('latin1'), offset);
    }
    each.records = each.records.filter(
      ({ key, offset }) =>
        offset >= active || (key !== null && last.get(key.toString('latin1')) === offset),
    );
  }

  /** An unclean election: the newest records are gone, their offsets are given again. */
  truncate(partition: number, count: number): number {
    const each = this.partition(partition);
    const end = Math.max(0, each.end - count);
    const lost = each.records.filter(({ offset }) => offset >= end).length;
    this.#forget((record) => record.partition === partition && record.offset >= end);
    each.records = each.records.filter(({ offset }) => offset < end);
    each.end = end;
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

  #forget(which: (record: LogRecord) => boolean): void {
    const { topicId } = this.current.identity;
    for (const each of this.ever) {
      if (each.topicId === topicId && each.lostAt === undefined && which(each.record)) {
        each.lostAt = this.scheduler.now;
      }
    }
  }
}
