import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { STALL_MS, StallWatch } from '../../../src/apply/stall-watch.ts';

const at = (position: number, end: number | null) => ({ position, end });
const LATER = STALL_MS + 1;

describe('the stall watch', () => {
  it('says nothing of partitions that have read everything, or of whose end nothing is known', () => {
    const watch = new StallWatch();
    for (const now of [0, LATER]) watch.observe(now, true, [at(5, 5), at(3, null)]);
    assert.deepEqual(watch.stuck(LATER), []);
    assert.equal(watch.stalled(LATER), false);
  });

  it('names a partition that stands still, and not the node as long as another one moves', () => {
    const watch = new StallWatch();
    for (const now of [0, 5_000, LATER]) watch.observe(now, true, [at(5, 9), at(now, now)]);
    assert.deepEqual(watch.stuck(LATER), [0]);
    assert.equal(watch.stalled(LATER), false);
    assert.equal(watch.stalled(2 * LATER), true);
  });

  it('counts from when a partition fell behind, not from its last step', () => {
    const watch = new StallWatch();
    watch.observe(0, true, [at(5, 5)]);
    watch.observe(LATER, true, [at(5, 6)]);
    assert.deepEqual(watch.stuck(LATER + 1), []);
    assert.deepEqual(watch.stuck(2 * LATER + 1), [0]);
  });

  it('starts again with every step, and tells nothing while the log does not answer', () => {
    const watch = new StallWatch();
    watch.observe(0, true, [at(5, 9)]);
    watch.observe(9_000, true, [at(6, 9)]);
    assert.equal(watch.stalled(LATER), false);
    watch.observe(9_500, false, [at(6, 9)]);
    assert.equal(watch.stalled(9_500 + LATER), false);
  });

  it('despairs of a position from which two readers in a row got nowhere, and of no other', () => {
    const watch = new StallWatch();
    const until = (now: number, position: number) => {
      for (const at of [now - LATER, now]) watch.observe(at, true, [{ position, end: 9 }]);
      return [...watch.giveUp(now)];
    };
    assert.deepEqual(until(LATER, 5), []);
    assert.deepEqual(until(3 * LATER, 6), []);
    assert.deepEqual(until(5 * LATER, 6), [0]);
  });
});
