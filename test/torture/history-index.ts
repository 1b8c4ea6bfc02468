import { type History, type Operation, offsetOf, type WitnessedRecord } from './history.ts';

/** A read that was answered, and how far in the log the answer is. */
export interface Read extends Operation {
  /** Of the entry or marker that was read; −1: the log's beginning; undefined: the answer does not tell. */
  readonly offset: number | undefined;
}

/** A write that was acknowledged; where its door tells no version, that of its record. */
export type AcknowledgedWrite = Operation;

/** A history made ready for its checkers. Values are unique, so that a value names its record. */
export class HistoryIndex {
  readonly history: History;
  readonly reads: readonly Read[];
  readonly writes: readonly AcknowledgedWrite[];
  readonly #byVersion = new Map<string, WitnessedRecord>();
  readonly #byValue = new Map<string, WitnessedRecord>();
  /** Deletes per key, in the order in which they were met. */
  readonly #deletes = new Map<string, WitnessedRecord[]>();

  constructor(history: History) {
    this.history = history;
    for (const record of history.witnessed) {
      this.#byVersion.set(`${record.partition}:${record.offset}`, record);
      if (record.value !== undefined) this.#byValue.set(record.value, record);
      else this.#deletes.set(record.key, [...(this.#deletes.get(record.key) ?? []), record]);
    }
    const answered = history.operations.filter(({ outcome }) => outcome === 'ok');
    this.reads = answered
      .filter(({ kind }) => kind === 'get')
      .map((read) => ({ ...read, offset: this.#offsetRead(read) }));
    this.writes = answered
      .filter(({ kind }) => kind !== 'get')
      .map((write) => ({ ...write, version: write.version ?? this.#versionOf(write.value) }));
  }

  recordAt(version: string): WitnessedRecord | undefined {
    return this.#byVersion.get(version);
  }

  recordOf(value: string): WitnessedRecord | undefined {
    return this.#byValue.get(value);
  }

  /** Whether the independent consumer may have missed it. */
  missed(partition: number, offset: number): boolean {
    return this.history.gaps.some(
      (gap) => gap.partition === partition && gap.from <= offset && offset < gap.to,
    );
  }

  #versionOf(value: string | undefined): string | undefined {
    const record = value === undefined ? undefined : this.#byValue.get(value);
    return record === undefined ? undefined : `${record.partition}:${record.offset}`;
  }

  #offsetRead({ door, key, value, version, endedAt }: Operation): number | undefined {
    if (version !== undefined) return offsetOf(version);
    if (value !== undefined) return this.#byValue.get(value)?.offset;
    // Absent, without a marker: never written, or deleted by a null that compaction took away.
    const deletes = this.#deletes.get(key) ?? [];
    const telling = door === 'http';
    const passed = deletes.findLast(
      ({ passing, seenAt }) => !telling || (passing && seenAt < endedAt),
    );
    return passed?.offset ?? -1;
  }
}
