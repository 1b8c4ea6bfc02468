import type { Codec, Decoded } from '../codec/codec.ts';
import { murmur2, partitionOfHash } from '../codec/partitioner.ts';
import { isWellFormedUtf8 } from '../codec/utf8.ts';
import { type Entry, NO_BYTES } from '../entry.ts';
import type { LogRecord } from '../record.ts';
import type { StorageOp } from '../storage/storage.ts';
import { anchorOf, withAnchor } from '../table/anchors.ts';
import type { GenerationState } from '../table/partition-state.ts';
import { type EntrySummary, encodeEntry } from '../table/stored-entry.ts';
import { entryKey, quarantineKey } from '../table/table-keys.ts';
import { NewestByKey } from './newest-by-key.ts';

/** Records of one partition in the order of their offsets, and where reading has got to. */
export interface PartitionBatch {
  readonly partition: number;
  readonly records: readonly LogRecord[];
  /** A next offset beyond the records (an end met, control records passed), or 0. */
  readonly reached: number;
}

export interface ApplyContext {
  readonly codec: Codec;
  /** Partitions of the log, for the check of a key's home. */
  readonly partitions: number;
  /** What storage held of a key before this batch, undefined where nothing. */
  readonly previous: (key: Buffer) => EntrySummary | undefined;
}

export interface Applied {
  readonly state: GenerationState;
  /** Entries and quarantine as storage operations; the state goes with them. */
  readonly ops: readonly StorageOp[];
  /** Every key that changed, once. */
  readonly changed: readonly ChangedEntry[];
  readonly quarantined: readonly Quarantined[];
  /** The log has no record at some offset on the way: compaction took it, or it was a control record. */
  readonly skipped: boolean;
}

/** A key (UTF-8) and its stored entry, the last record's. */
export interface ChangedEntry {
  readonly key: Buffer;
  readonly stored: Buffer;
}

export interface Quarantined {
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  /** The record's key has another home: its producer places keys in another way. */
  readonly stray: boolean;
}

/** How many records of a partition are kept in the quarantine by name; all are counted. */
export const QUARANTINE_KEPT_MAX = 100;

/**
 * The step: what some records make of a partition's generation. Pure: no clock, no random number,
 * no configuration, no peer; the same records give the same state however they are cut into batches
 * (anchors aside, which are samples). Records below the position were applied before and are passed over.
 */
export function applyBatch(
  state: GenerationState,
  batch: PartitionBatch,
  context: ApplyContext,
): Applied {
  const { partition } = batch;
  const last = new NewestByKey(batch.records.length);
  const quarantined: Quarantined[] = [];
  let position = state.position;
  let newest: LogRecord | undefined;
  let skipped = false;

  for (const record of batch.records) {
    if (record.offset < position) continue;
    if (record.offset > position) skipped = true;
    position = record.offset + 1;
    newest = record;
    const key = record.key ?? NO_BYTES;
    const hash = murmur2(key);
    const refusal = record.key === null ? NO_KEY : refusalOf(key, { hash, partition }, context);
    if (refusal !== undefined) {
      quarantined.push({ partition, offset: record.offset, ...refusal });
      continue;
    }
    const decoded = context.codec.decode(record);
    if (decoded.kind === 'unreadable') {
      quarantined.push({ partition, offset: record.offset, reason: decoded.reason, stray: false });
    }
    last.set(key, hash, entryOf(record, decoded));
  }

  let { entries, markers, bytes } = state;
  const ops: StorageOp[] = [];
  const changed: ChangedEntry[] = [];
  for (const [i, key] of last.keys.entries()) {
    const entry = last.entries[i] as Entry;
    const before = context.previous(key);
    if (before?.kind === 'marker') markers--;
    else if (before !== undefined) entries--;
    if (before?.kind === 'live') bytes -= key.length + before.valueBytes;
    if (entry.kind === 'marker') markers++;
    else entries++;
    if (entry.kind === 'live') bytes += key.length + entry.value.length;
    const stored = encodeEntry(entry);
    changed.push({ key, stored });
    ops.push({ type: 'put', key: entryKey(partition, state.generation, key), value: stored });
  }
  for (const each of quarantined.slice(0, Math.max(0, QUARANTINE_KEPT_MAX - state.quarantined))) {
    ops.push({
      type: 'put',
      key: quarantineKey(partition, state.generation, each.offset),
      value: Buffer.from(JSON.stringify({ reason: each.reason })),
    });
  }
  const strays = (state.strays ?? 0) + quarantined.filter(({ stray }) => stray).length;
  return {
    state: {
      ...state,
      ...(strays > 0 && { strays }),
      position: Math.max(position, batch.reached),
      entries,
      markers,
      bytes,
      quarantined: state.quarantined + quarantined.length,
      anchors: newest === undefined ? state.anchors : withAnchor(state.anchors, anchorOf(newest)),
    },
    ops,
    changed,
    quarantined,
    skipped,
  };
}

const NO_KEY: Refusal = { reason: 'no key', stray: false };

type Refusal = Pick<Quarantined, 'reason' | 'stray'>;

/** Why a record is not applied under its key, undefined where it is. @param placed murmur2 of the key, and where it is */
function refusalOf(
  key: Buffer,
  placed: { readonly hash: number; readonly partition: number },
  { codec, partitions }: ApplyContext,
): Refusal | undefined {
  if (key.length === 0) return { reason: 'an empty key', stray: false };
  if (!isWellFormedUtf8(key)) return { reason: 'the key is not UTF-8', stray: false };
  if (!codec.checksPlacement) return undefined;
  const home = partitionOfHash(placed.hash, partitions);
  if (home === placed.partition) return undefined;
  return { reason: `the key belongs to partition ${home}`, stray: true };
}

function entryOf(record: LogRecord, decoded: Decoded): Entry {
  const { offset } = record;
  const { kind, timestamp } = decoded;
  if (kind === 'live') return { kind, offset, timestamp, value: decoded.value };
  if (kind === 'marker') return { kind, offset, timestamp, value: NO_BYTES };
  return { kind, offset, timestamp, value: Buffer.from(decoded.reason) };
}
