import type { Codec } from '../codec/codec.ts';
import type { Logger } from '../logger.ts';
import type { FreshMarks } from '../progress/fresh-marks.ts';
import type { Freshness } from '../progress/freshness.ts';
import type { OwnWrites } from '../progress/own-writes.ts';
import type { Patchy } from '../progress/patchy.ts';
import type { Positions } from '../progress/positions.ts';
import type { LogRecord } from '../record.ts';
import type { Entries } from '../table/entries.ts';
import { filling, withFilling } from '../table/partition-state.ts';
import { type EntrySummary, summaryOf } from '../table/stored-entry.ts';
import type { PartitionChange, Table } from '../table/table.ts';
import type { ReadBatch } from '../wal/wal.ts';
import { type Applied, type ApplyContext, applyBatch, type PartitionBatch } from './apply-batch.ts';

export interface BatchCommitterOptions {
  readonly table: Table;
  readonly entries: Entries;
  readonly positions: Positions;
  readonly freshness: Freshness;
  readonly marks: FreshMarks;
  readonly patchy: Patchy;
  readonly ownWrites: OwnWrites;
  readonly warn: (name: string, line: string | undefined) => void;
  readonly logger: Logger;
}

const STRAYS =
  'stray records: a producer places keys in another way than Java’s murmur2; set ' +
  'partitioner=murmur2_random in librdkafka clients (kcat: -X partitioner=murmur2_random)';

/**
 * Runs the step over what was read: one storage batch for all partitions, and only once it is
 * committed the cache, the positions and those who wait for them.
 */
export class BatchCommitter {
  /** Set before the first commit, and when the log's settings have changed. */
  codec: Codec | undefined;
  readonly #options: BatchCommitterOptions;

  constructor(options: BatchCommitterOptions) {
    this.#options = options;
    const { table, warn } = options;
    if (table.states().some((state) => filling(state).strays)) warn('stray', STRAYS);
  }

  /** Rejects with StorageError: then nothing has changed. */
  async commit(read: ReadBatch): Promise<void> {
    const { table, entries, marks } = this.#options;
    const applied: { batch: PartitionBatch; result: Applied }[] = [];
    for (const batch of byPartition(read)) {
      applied.push({ batch, result: await this.#step(batch) });
    }
    const moved = applied.filter(
      ({ batch: { partition }, result }) =>
        result.state.position > filling(table.state(partition)).position,
    );
    if (moved.length === 0) return;

    const changes = moved.map(({ batch: { partition }, result }): PartitionChange => {
      return {
        partition,
        state: withFilling(table.state(partition), {
          ...result.state,
          freshAt: marks.freshAt(partition),
          patchy: this.#patchyWith(partition, result),
        }),
        ops: result.ops,
      };
    });
    const visible = new Set(
      moved
        .map(({ batch }) => batch.partition)
        .filter((partition) => table.state(partition).next === undefined),
    );
    for (const partition of visible) entries.applying(partition);
    let committed = false;
    try {
      await table.commit(changes);
      committed = true;
    } finally {
      for (const { batch, result } of moved) {
        if (!visible.has(batch.partition)) continue;
        entries.applied(batch.partition, committed ? result.changed : []);
      }
    }
    for (const { batch, result } of moved) this.#tell(batch.partition, result, visible);
  }

  /** Whether the filling is patchy once the batch is applied. */
  #patchyWith(partition: number, { skipped }: Applied): boolean {
    const { table, freshness, patchy } = this.#options;
    const { next } = table.state(partition);
    if (next !== undefined) return skipped || next.patchy === true;
    return patchy.has(partition) || (skipped && !freshness.fresh(partition));
  }

  async #step(batch: PartitionBatch): Promise<Applied> {
    const { table, entries } = this.#options;
    const { partition } = batch;
    if (this.codec === undefined) throw new Error('no codec');
    const { active, next } = table.state(partition);
    const inMemory = next === undefined && entries.whole(partition);
    // Nothing may be awaited between the question whether all is in memory and the step.
    const previous = inMemory
      ? (key: Buffer) => entries.summary(key)
      : await this.#read(batch, (next ?? active).generation);
    return applyBatch(filling(table.state(partition)), batch, {
      codec: this.codec,
      partitions: table.partitions,
      previous,
    });
  }

  /** What a generation holds of the batch's keys: from the cache where it knows, else from storage. */
  async #read(
    { partition, records }: PartitionBatch,
    generation: number,
  ): Promise<ApplyContext['previous']> {
    const { table, entries } = this.#options;
    const isActive = table.state(partition).active.generation === generation;
    const known = new Map<string, EntrySummary | undefined>();
    const asked: Buffer[] = [];
    for (const { key } of records) {
      const name = key?.toString('latin1');
      if (key === null || name === undefined || known.has(name)) continue;
      const summary = isActive ? entries.summary(key) : undefined;
      known.set(name, summary);
      if (summary === undefined) asked.push(key);
    }
    const stored = asked.length === 0 ? [] : await table.readMany(partition, asked, generation);
    for (const [i, key] of asked.entries()) {
      const bytes = stored[i];
      if (bytes !== undefined) known.set(key.toString('latin1'), summaryOf(bytes));
    }
    return (key) => known.get(key.toString('latin1'));
  }

  #tell(partition: number, result: Applied, visible: ReadonlySet<number>): void {
    const { table, positions, freshness, patchy, ownWrites, logger, warn } = this.#options;
    for (const { offset, reason, stray } of result.quarantined) {
      logger.warn({ partition, offset, reason }, 'record quarantined');
      if (stray) warn('stray', STRAYS);
    }
    if (!visible.has(partition)) return;
    const { position } = result.state;
    if (table.state(partition).active.patchy) patchy.add(partition);
    freshness.advanced(partition, position);
    ownWrites.applied(partition, position);
    positions.set(partition, position);
  }
}

function byPartition({ records, reached }: ReadBatch): PartitionBatch[] {
  const batches = new Map<number, { partition: number; records: LogRecord[]; reached: number }>();
  const of = (partition: number) => {
    const known = batches.get(partition);
    if (known !== undefined) return known;
    const made = { partition, records: [], reached: 0 };
    batches.set(partition, made);
    return made;
  };
  for (const record of records) of(record.partition).records.push(record);
  for (const { partition, offset } of reached) {
    const batch = of(partition);
    batch.reached = Math.max(batch.reached, offset);
  }
  return [...batches.values()];
}
