import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { GenerationState, PartitionState } from '../../../src/table/partition-state.ts';
import { StateText } from '../../../src/table/state-text.ts';

const count = fc.nat(Number.MAX_SAFE_INTEGER);
const anchor = fc.record({ offset: count, timestamp: fc.integer({ min: -1 }), hash: fc.string() });

const generation: fc.Arbitrary<GenerationState> = fc.record(
  {
    generation: count,
    position: count,
    entries: count,
    markers: count,
    bytes: count,
    quarantined: count,
    strays: count,
    recovered: fc.boolean(),
    anchors: fc.array(anchor, { maxLength: 4 }),
    freshAt: count,
    patchy: fc.boolean(),
  },
  {
    requiredKeys: [
      ...(['generation', 'position', 'entries', 'markers', 'bytes', 'quarantined'] as const),
      ...(['recovered', 'anchors', 'freshAt'] as const),
    ],
  },
);

const state: fc.Arbitrary<PartitionState> = fc.record(
  {
    active: generation,
    next: generation,
    doubtFrom: count,
    uncleared: fc.array(count, { maxLength: 3 }),
  },
  { requiredKeys: ['active'] },
);

const asParsed = (of: PartitionState) => JSON.parse(JSON.stringify(of)) as PartitionState;

describe('the text of a partition’s state', () => {
  it('is JSON of that state, whatever was written before', () => {
    const text = new StateText();
    fc.assert(
      fc.property(state, state, (one, other) => {
        const anchors = [...one.active.anchors, ...other.active.anchors];
        const later = { ...other, active: { ...other.active, anchors } };
        for (const each of [one, other, later]) {
          assert.deepEqual(JSON.parse(text.of(each)), asParsed(each));
        }
      }),
    );
  });

  it('leaves out what is not there', () => {
    const [given] = fc.sample(generation, 1);
    assert.ok(given !== undefined);
    const written = new StateText().of({ active: given, next: undefined });
    assert.deepEqual(Object.keys(JSON.parse(written)), ['active']);
  });
});
