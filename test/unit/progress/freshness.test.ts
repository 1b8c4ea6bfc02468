import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FreshMarks } from '../../../src/progress/fresh-marks.ts';
import { Freshness } from '../../../src/progress/freshness.ts';
import { Patchy } from '../../../src/progress/patchy.ts';
import { Positions } from '../../../src/progress/positions.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

/** What a log without open transactions tells. */
const upTo = (end: number) => ({ ends: [end], readable: [end] });

describe('freshness', () => {
  let clock: ManualClock;
  let positions: Positions;
  let freshness: Freshness;
  let marks: FreshMarks;

  beforeEach(() => {
    clock = new ManualClock();
    positions = new Positions(clock);
    positions.reset([10]);
    marks = new FreshMarks(clock, [clock.now()]);
    freshness = new Freshness(clock, 100, { positions, marks, patchy: new Patchy(clock, []) });
    freshness.setRecovered(0, true);
    freshness.confirmIdentity();
  });

  it('needs an end that was asked for', () => {
    assert.equal(freshness.fresh(0), false);
    freshness.told(clock.monotonic(), upTo(10), [10]);
    assert.equal(freshness.fresh(0), true);
  });

  it('counts the age from the sending of the question', () => {
    const asked = clock.monotonic();
    clock.advance(90);
    freshness.told(asked, upTo(10), [10]);
    assert.equal(freshness.fresh(0), true);
    clock.advance(11);
    assert.equal(freshness.fresh(0), false);
  });

  it('comes when the position reaches the end, with the age of that question', () => {
    freshness.told(clock.monotonic(), upTo(12), [10]);
    assert.equal(freshness.fresh(0), false);
    clock.advance(50);
    freshness.told(clock.monotonic(), upTo(20), [10]);
    positions.set(0, 12);
    freshness.advanced(0, 12);
    assert.equal(freshness.fresh(0), true);
    clock.advance(51);
    assert.equal(freshness.fresh(0), false);
    positions.set(0, 20);
    freshness.advanced(0, 20);
    assert.equal(freshness.fresh(0), true);
  });

  it('is not given by a position beyond the end', () => {
    freshness.told(clock.monotonic(), upTo(9), [10]);
    assert.equal(freshness.fresh(0), false);
    assert.equal(freshness.beyond(0), true);
  });

  it('is not given by what readers get while acknowledged writes wait behind an open transaction', () => {
    freshness.told(clock.monotonic(), { ends: [12], readable: [10] }, [10]);
    assert.equal(freshness.fresh(0), false);
    assert.deepEqual([freshness.end(0), freshness.readable(0)], [12, 10]);
    assert.equal(freshness.beyond(0), false);
    // The cleaner removes nothing that lies behind it: no deletion is missed, however long it is open.
    for (let hours = 0; hours < 48; hours++) {
      clock.advance(3_600_000);
      freshness.told(clock.monotonic(), { ends: [12], readable: [10] }, [10]);
    }
    assert.deepEqual([marks.ageMs(0), marks.judge(0)], [0, false]);
    freshness.told(clock.monotonic(), { ends: [12], readable: [10] }, [10]);
    positions.set(0, 12);
    freshness.advanced(0, 12);
    assert.equal(freshness.fresh(0), true);
  });

  it('is given when the position overtook an answer that was under way', () => {
    const asked = clock.monotonic();
    positions.set(0, 12);
    freshness.told(asked, upTo(10), [10]);
    assert.equal(freshness.fresh(0), true);
  });

  it('ends with a doubt, and an answer from before the doubt does not bring it back', () => {
    freshness.told(clock.monotonic(), upTo(10), [10]);
    const asked = clock.monotonic();
    freshness.doubtIdentity();
    assert.equal(freshness.fresh(0), false);
    freshness.told(clock.monotonic(), upTo(10), [10]);
    clock.advance(1);
    freshness.confirmIdentity();
    freshness.told(asked, upTo(10), [10]);
    assert.equal(freshness.fresh(0), false);
    freshness.told(clock.monotonic(), upTo(10), [10]);
    assert.equal(freshness.fresh(0), true);
  });

  it('needs a recovered partition', () => {
    freshness.told(clock.monotonic(), upTo(10), [10]);
    freshness.setRecovered(0, false);
    assert.equal(freshness.fresh(0), false);
  });

  it('wakes those who wait for the identity', async () => {
    freshness.doubtIdentity();
    const confirmed = freshness.identityWithin(1_000);
    const tooLate = freshness.identityWithin(10);
    clock.advance(20);
    assert.equal(await tooLate, false);
    freshness.confirmIdentity();
    assert.equal(await confirmed, true);
  });
});
