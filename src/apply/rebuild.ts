import type { Entry } from '../entry.ts';
import { emptyGeneration, type PartitionState } from '../table/partition-state.ts';
import { decodeEntry } from '../table/stored-entry.ts';
import type { Table } from '../table/table.ts';

/** An entry that the log no longer has, for the `lost-…` file. */
export interface LostEntry {
  readonly key: string;
  readonly partition: number;
  readonly entry: Entry;
}

/** Writes lost entries where the operator finds them; resolves with the file's name, or undefined for none. */
export type SaveLost = (
  partition: number,
  entries: AsyncIterable<LostEntry>,
) => Promise<string | undefined>;

/** Opens the next generation of a partition, to be filled from `start`; the active one stays as it is. */
export async function beginRebuild(
  table: Table,
  partition: number,
  { start, doubtFrom }: { readonly start: number; readonly doubtFrom: number },
): Promise<void> {
  const { active, next, doubtFrom: doubted, uncleared = [] } = table.state(partition);
  const generation = Math.max(active.generation, next?.generation ?? 0) + 1;
  // A rebuild that replaces another one answers for what the former one doubted as well.
  const from = next === undefined ? doubtFrom : Math.min(doubtFrom, doubted ?? doubtFrom);
  const unused = next === undefined ? uncleared : [...uncleared, next.generation];
  const state: PartitionState = {
    active,
    next: emptyGeneration(generation, start),
    doubtFrom: from,
    uncleared: unused,
  };
  await table.commit([{ partition, state, ops: [] }], { sync: true });
  await table.clearUnused(partition);
}

export interface FinishOptions {
  /** The log may have lost what the old generation has at or above it, besides what was doubted at the beginning. */
  readonly lostFrom: number;
  readonly saveLost: SaveLost;
}

/**
 * Makes the filled generation the active one, in one batch. What the log no longer has was written
 * to a file before. The old generation is still there: `table.clearUnused` removes it.
 */
export async function finishRebuild(
  table: Table,
  partition: number,
  { lostFrom, saveLost }: FinishOptions,
): Promise<string | undefined> {
  const { active, next, doubtFrom = 0, uncleared = [] } = table.state(partition);
  if (next === undefined) return undefined;
  const from = Math.min(doubtFrom, lostFrom);
  const file = await saveLost(partition, lostEntries(table, partition, from));
  const state = { active: next, uncleared: [...uncleared, active.generation] };
  await table.commit([{ partition, state, ops: [] }], { sync: true });
  return file;
}

/** Entries of the old generation made at or above `from` that the new one does not have as they were. */
async function* lostEntries(
  table: Table,
  partition: number,
  from: number,
): AsyncGenerator<LostEntry> {
  const { active, next } = table.state(partition);
  if (next === undefined) return;
  for await (const chunk of table.scan(partition, active.generation)) {
    const doubtful = chunk
      .map(({ key, entry }) => ({ key, stored: entry, entry: decodeEntry(entry) }))
      .filter(({ entry }) => entry.offset >= from);
    if (doubtful.length === 0) continue;
    const keys = doubtful.map(({ key }) => key);
    const now = await table.readMany(partition, keys, next.generation);
    for (const [i, { key, stored, entry }] of doubtful.entries()) {
      if (now[i]?.equals(stored)) continue;
      yield { key: key.toString('utf8'), partition, entry };
    }
  }
}
