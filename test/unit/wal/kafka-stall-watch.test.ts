import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KafkaStallWatch } from '../../../src/wal/kafka/kafka-stall-watch.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

const WITHIN_MS = 30_000;

/** A reader that polls once a second, for as long as `withinMs` or until a stall is found. */
async function poll(reader: {
  readonly ends: () => Promise<number[]>;
  readonly positions: number[];
  readonly idle?: boolean;
  readonly step?: () => void;
  readonly withinMs?: number;
}) {
  const clock = new ManualClock();
  const watch = new KafkaStallWatch(reader.ends, clock);
  let polls = 0;
  while (clock.monotonic() < (reader.withinMs ?? WITHIN_MS)) {
    clock.advance(1_000);
    polls += 1;
    reader.step?.();
    const stalled = watch.check(reader.positions, () => (reader.idle === false ? 0 : polls));
    if (stalled !== undefined) return { stalled, atMs: clock.monotonic() };
    await new Promise((resolve) => setImmediate(resolve));
  }
  return undefined;
}

describe('the watch over a reader', () => {
  it('finds a partition that has more and does not move, in time', async () => {
    const found = await poll({ ends: async () => [5, 9], positions: [5, 7] });
    assert.equal(found?.stalled, 1);
    assert.ok(found.atMs >= 10_000 && found.atMs <= 25_000);
  });

  it('finds a position beyond the end', async () => {
    const found = await poll({ ends: async () => [5], positions: [7] });
    assert.equal(found?.stalled, 0);
  });

  it('lets alone who is at the end or moves', async () => {
    assert.equal(await poll({ ends: async () => [5, 9], positions: [5, 9] }), undefined);
    const positions = [0];
    const step = () => {
      positions[0] = (positions[0] ?? 0) + 1;
    };
    assert.equal(await poll({ ends: async () => [1_000], positions, step }), undefined);
  });

  it('gives a partition longer while the reader is busy with others', async () => {
    const busy = { ends: async () => [5], positions: [1], idle: false };
    assert.equal(await poll(busy), undefined);
    assert.equal((await poll({ ...busy, withinMs: 60_000 }))?.stalled, 0);
  });

  it('suspects nothing while the log does not answer', async () => {
    let asked = 0;
    const ends = async () => {
      asked += 1;
      if (asked % 3 === 0) throw new Error('away');
      return [5];
    };
    assert.equal(await poll({ ends, positions: [1], withinMs: 120_000 }), undefined);
    assert.ok(asked > 20);
  });
});
