import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { applyBatch } from '../../../src/apply/apply-batch.ts';
import { partitionOf } from '../../../src/codec/partitioner.ts';
import { rawCodec } from '../../../src/codec/raw-codec.ts';
import type { LogRecord } from '../../../src/record.ts';
import { emptyGeneration, type GenerationState } from '../../../src/table/partition-state.ts';
import { decodeEntry, summaryOf } from '../../../src/table/stored-entry.ts';

/** A table in memory that only applyBatch writes. */
class Model {
  state: GenerationState = emptyGeneration(1, 0);
  readonly entries = new Map<string, Buffer>();
  readonly quarantine: number[] = [];

  apply(records: readonly LogRecord[], reached = 0, partitions = 1): void {
    const applied = applyBatch(
      this.state,
      { partition: 0, records, reached },
      {
        codec: rawCodec,
        partitions,
        previous: (key) => {
          const stored = this.entries.get(key.toString());
          return stored === undefined ? undefined : summaryOf(stored);
        },
      },
    );
    this.state = applied.state;
    for (const { key, stored } of applied.changed) this.entries.set(key.toString(), stored);
    this.quarantine.push(...applied.quarantined.map(({ offset }) => offset));
  }

  /** Everything that the log decides: anchors are samples and left out. */
  summary() {
    const { anchors: _, ...state } = this.state;
    const entries = [...this.entries].sort(([a], [b]) => (a < b ? -1 : 1));
    return { state, entries: entries.map(([key, stored]) => [key, stored.toString('hex')]) };
  }

  live(): Map<string, string> {
    const live = new Map<string, string>();
    for (const [key, stored] of this.entries) {
      const { kind, value } = decodeEntry(stored);
      if (kind !== 'marker') live.set(key, `${kind} ${value.toString('hex')}`);
    }
    return live;
  }
}

const header = (name: string, value: string) => ({ name, value: Buffer.from(value) });

type Shape = { key: string | null; what: string; value: string; stamp: number };

const shapes: fc.Arbitrary<Shape[]> = fc.array(
  fc.record({
    key: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('a', 'b', 'é', '😀', '__proto__') },
      { weight: 1, arbitrary: fc.constantFrom(null, '') },
    ),
    what: fc.constantFrom('put', 'put', 'delete', 'tombstone', 'put-empty', 'empty', 'future'),
    value: fc.string({ maxLength: 5 }),
    stamp: fc.integer({ min: -1, max: 5 }),
  }),
  { maxLength: 40 },
);

function history(of: readonly Shape[]): LogRecord[] {
  return of.map(({ key, what, value, stamp }, offset) => ({
    partition: 0,
    offset,
    timestamp: stamp,
    key: key === null ? null : Buffer.from(key),
    value:
      what === 'tombstone'
        ? null
        : what === 'empty'
          ? Buffer.alloc(0)
          : what === 'put' || what === 'future'
            ? Buffer.from(`v${value}`)
            : Buffer.from([0]),
    headers:
      what === 'delete' || what === 'put-empty'
        ? [header('bitacora-op', what)]
        : what === 'future'
          ? [header('bitacora-condition', '0:7')]
          : [],
  }));
}

/** A log that Kafka's cleaner may have made of another one: below `dirty` only the last record of a key. */
function compacted(records: readonly LogRecord[], dirty: number, tombstones: boolean): LogRecord[] {
  const last = new Map<string, number>();
  for (const { key, offset } of records) {
    if (key !== null && offset < dirty) last.set(key.toString('hex'), offset);
  }
  return records.filter(({ key, offset, value }) => {
    if (offset >= dirty) return true;
    if (key === null || last.get(key.toString('hex')) !== offset) return false;
    return value !== null || !tombstones;
  });
}

describe('applyBatch', () => {
  it('gives the same state however a history is cut into batches', () => {
    fc.assert(
      fc.property(shapes, fc.array(fc.nat(40), { maxLength: 10 }), (of, cuts) => {
        const records = history(of);
        const whole = new Model();
        whole.apply(records);
        const parts = new Model();
        const sorted = [0, ...cuts.filter((c) => c < records.length), records.length].sort(
          (a, b) => a - b,
        );
        for (let i = 1; i < sorted.length; i++)
          parts.apply(records.slice(sorted[i - 1], sorted[i]));
        assert.deepEqual(parts.summary(), whole.summary());
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives the same state when records are delivered again', () => {
    fc.assert(
      fc.property(shapes, fc.nat(40), (of, from) => {
        const records = history(of);
        const once = new Model();
        once.apply(records);
        const again = new Model();
        again.apply(records);
        again.apply(records.slice(from));
        assert.deepEqual(again.summary(), once.summary());
      }),
      { numRuns: 500 },
    );
  });

  it('gives the same live entries for any legal compaction of the history', () => {
    fc.assert(
      fc.property(shapes, fc.nat(41), fc.boolean(), (of, dirty, tombstones) => {
        const records = history(of);
        const whole = new Model();
        whole.apply(records);
        const late = new Model();
        late.apply(compacted(records, dirty, tombstones), records.length);
        assert.deepEqual(late.live(), whole.live());
        assert.equal(late.state.position, whole.state.position);
        assert.equal(late.state.entries, whole.state.entries);
        assert.equal(late.state.bytes, whole.state.bytes);
      }),
      { numRuns: 1_000 },
    );
  });

  it('counts what the entries are', () => {
    fc.assert(
      fc.property(shapes, (of) => {
        const model = new Model();
        for (const record of history(of)) model.apply([record]);
        const decoded = [...model.entries].map(([key, stored]) => ({
          key,
          ...decodeEntry(stored),
        }));
        const live = decoded.filter(({ kind }) => kind === 'live');
        assert.equal(model.state.entries, decoded.filter(({ kind }) => kind !== 'marker').length);
        assert.equal(model.state.markers, decoded.filter(({ kind }) => kind === 'marker').length);
        assert.equal(
          model.state.bytes,
          live.reduce((sum, { key, value }) => sum + Buffer.byteLength(key) + value.length, 0),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('decides by offset, whatever the timestamps say', () => {
    const model = new Model();
    const [first, second] = history([
      { key: 'a', what: 'put', value: 'old', stamp: 5 },
      { key: 'a', what: 'put', value: 'new', stamp: 1 },
    ]) as [LogRecord, LogRecord];
    model.apply([first, second]);
    assert.deepEqual([...model.live().values()], [`live ${Buffer.from('vnew').toString('hex')}`]);
  });

  it('quarantines what has no key, an empty key, a key that is not UTF-8, or another home', () => {
    const model = new Model();
    const record = (offset: number, key: Buffer | null): LogRecord => ({
      partition: 0,
      offset,
      timestamp: 1,
      key,
      value: Buffer.from('v'),
      headers: [],
    });
    const stray = ['a', 'b', 'c', 'd'].find((key) => partitionOf(Buffer.from(key), 2) === 1);
    assert.ok(stray !== undefined);
    model.apply(
      [
        record(0, null),
        record(1, Buffer.alloc(0)),
        record(2, Buffer.from([0xff])),
        record(3, Buffer.from(stray)),
      ],
      0,
      2,
    );
    assert.deepEqual(model.quarantine, [0, 1, 2, 3]);
    assert.equal(model.state.quarantined, 4);
    assert.equal(model.entries.size, 0);
    assert.equal(model.state.position, 4);
  });

  it('makes a key unreadable by a record from the future, and readable by the next one', () => {
    const model = new Model();
    const records = history([
      { key: 'a', what: 'put', value: '1', stamp: 1 },
      { key: 'a', what: 'future', value: '2', stamp: 1 },
      { key: 'a', what: 'put', value: '3', stamp: 1 },
    ]);
    model.apply(records.slice(0, 2));
    assert.equal(decodeEntry(model.entries.get('a')!).kind, 'unreadable');
    assert.equal(model.state.quarantined, 1);
    assert.equal(model.state.entries, 1);
    model.apply(records.slice(2));
    assert.equal(decodeEntry(model.entries.get('a')!).value.toString(), 'v3');
  });

  it('steps to a reached end and never back', () => {
    const model = new Model();
    model.apply([], 10);
    assert.equal(model.state.position, 10);
    model.apply([], 5);
    assert.equal(model.state.position, 10);
  });
});
