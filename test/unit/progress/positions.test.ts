import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Positions } from '../../../src/progress/positions.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

describe('positions', () => {
  it('wake those who wait for an offset once it is passed, and nobody else', async () => {
    const clock = new ManualClock();
    const positions = new Positions(clock);
    positions.reset([5, 5]);
    assert.equal(await positions.applied(0, 4, 1_000), true);
    let woken = 0;
    const waiting = [
      positions.applied(0, 5, 1_000),
      positions.applied(0, 6, 1_000),
      positions.applied(1, 5, 1_000),
    ].map((each) => each.then((reached) => (woken += reached ? 1 : 0)));
    positions.set(0, 6);
    await waiting[0];
    assert.equal(woken, 1);
    clock.advance(1_001);
    await Promise.all(waiting);
    assert.equal(woken, 1);
  });

  it('do not wait where no time is left', async () => {
    const positions = new Positions(new ManualClock());
    positions.reset([0]);
    assert.equal(await positions.applied(0, 0, 0), false);
  });

  it('may go back when the log is another one', () => {
    const positions = new Positions(new ManualClock());
    positions.reset([10]);
    positions.reset([0]);
    assert.equal(positions.get(0), 0);
  });
});
