import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FreshMarks } from '../../../src/progress/fresh-marks.ts';
import { Freshness } from '../../../src/progress/freshness.ts';
import { Patchy } from '../../../src/progress/patchy.ts';
import { Positions } from '../../../src/progress/positions.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** One partition at position 10, last marked so long ago. */
function loaded(agoMs: number, retentionMs = 7 * DAY) {
  const clock = new ManualClock();
  const marks = new FreshMarks(clock, [clock.now() - agoMs]);
  marks.setRetention(retentionMs);
  const positions = new Positions(clock);
  positions.reset([10]);
  const freshness = new Freshness(clock, 100, { positions, marks, patchy: new Patchy(clock, []) });
  freshness.setRecovered(0, true);
  freshness.confirmIdentity();
  const ask = (end: number) => {
    const ends = { ends: [end], readable: [end] };
    freshness.told(clock.monotonic(), ends, [positions.get(0)]);
  };
  const reach = (position: number) => {
    freshness.advanced(0, position);
    positions.set(0, position);
  };
  const rewind = () => positions.reset([0]);
  return { clock, marks, freshness, ask, reach, rewind };
}

describe('fresh marks', () => {
  it('take a node that comes back in time for one that has missed nothing', () => {
    const { marks, freshness, ask } = loaded(6.9 * DAY);
    assert.equal(marks.judge(0), false);
    ask(10);
    assert.equal(freshness.fresh(0), true);
  });

  it('take a node that comes back too late for away, and nothing of it is fresh', () => {
    const { marks, freshness, ask } = loaded(7 * DAY);
    assert.equal(marks.judge(0), true);
    ask(10);
    assert.equal(freshness.fresh(0), false);
    assert.equal(marks.anyAway, true);
  });

  it('count a retention that could not be read as 24 h', () => {
    const { marks } = loaded(25 * HOUR);
    marks.setRetention(undefined);
    assert.equal(marks.judge(0), true);
    const other = loaded(23 * HOUR).marks;
    other.setRetention(undefined);
    assert.equal(other.judge(0), false);
  });

  it('trust no clock that stands before the mark, and no state without a mark', () => {
    assert.equal(loaded(-30_000).marks.judge(0), false);
    assert.equal(loaded(-61_000).marks.judge(0), true);
    const clock = new ManualClock();
    const marks = new FreshMarks(clock, [0]);
    assert.equal(marks.judge(0), true);
    assert.equal(marks.freshAt(0), 0);
  });

  it('find a long lag when it is over, before anything is fresh', () => {
    const { clock, marks, freshness, ask, reach } = loaded(0);
    ask(10);
    assert.equal(freshness.fresh(0), true);
    ask(20);
    clock.advance(7 * DAY);
    assert.equal(marks.away(0), false);
    ask(20);
    reach(20);
    assert.equal(marks.away(0), true);
    assert.equal(freshness.fresh(0), false);
    ask(20);
    assert.equal(freshness.fresh(0), false);
  });

  it('move on with a lag that never ends', () => {
    const { clock, marks, ask, reach } = loaded(0, HOUR);
    for (let i = 0; i < 10_000; i++) {
      ask(1_000 + i);
      reach(10 + i);
      clock.advance(1_000);
    }
    assert.equal(marks.away(0), false);
    assert.ok(marks.ageMs(0) < 0.9 * HOUR, `${marks.ageMs(0)}`);
  });

  it('say when the partition was last caught up: when the log was asked, not when it was reached', () => {
    const { clock, marks, ask, reach } = loaded(5_000);
    const asked = clock.now();
    ask(12);
    clock.advance(2_000);
    ask(14);
    assert.equal(marks.freshAt(0), asked - 5_000);
    reach(12);
    assert.equal(marks.freshAt(0), asked);
  });

  it('are not moved by what an end told before a doubt', () => {
    const { clock, marks, freshness, ask, reach } = loaded(5_000);
    const before = marks.freshAt(0);
    ask(12);
    freshness.doubtIdentity();
    clock.advance(10);
    reach(12);
    assert.equal(marks.freshAt(0), before);
  });

  it('find a filling that took too long, and take the third one in a row as it is', () => {
    const { clock, marks, freshness, ask, reach, rewind } = loaded(0, HOUR);
    const fill = (ms: number) => {
      rewind();
      marks.begin(0);
      assert.equal(marks.away(0), false);
      ask(20);
      clock.advance(ms);
      assert.equal(marks.judge(0), false, 'not before it has caught up');
      reach(20);
      ask(20);
    };
    fill(HOUR);
    assert.equal(marks.away(0), true);
    fill(HOUR);
    assert.equal(marks.away(0), true);
    fill(HOUR);
    assert.equal(marks.away(0), false);
    assert.equal(freshness.fresh(0), true);
    assert.deepEqual([...marks.overran.keys()], [0]);
    fill(HOUR / 2);
    assert.equal(marks.away(0), false);
    assert.deepEqual([...marks.overran.keys()], []);
    fill(HOUR);
    assert.equal(marks.away(0), true, 'the count begins anew after one in time');
  });

  it('see a sleep of the machine, in which only the wall clock goes on', () => {
    const clock = new ManualClock();
    let wallAhead = 0;
    const sleeping = {
      now: () => clock.now() + wallAhead,
      monotonic: () => clock.monotonic(),
      after: (ms: number, callback: () => void) => clock.after(ms, callback),
    };
    const marks = new FreshMarks(sleeping, [clock.now()]);
    wallAhead = 25 * HOUR;
    assert.equal(marks.judge(0), true);
  });

  it('are stored often enough for a short retention', () => {
    assert.equal(loaded(0, 7 * DAY).marks.markedEveryMs, 60_000);
    assert.ok(loaded(0, 2_000).marks.markedEveryMs <= 500);
    assert.equal(loaded(0, 0).marks.retentionMs, 1_000);
  });
});
