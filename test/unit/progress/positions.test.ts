import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OwnWrites } from '../../../src/progress/own-writes.ts';
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

describe('own writes', () => {
  it('are waited for until they are applied, the newest of a key', () => {
    const own = new OwnWrites();
    own.add(0, 'a', 3, 0);
    own.add(0, 'a', 7, 0);
    own.add(0, 'b', 5, 0);
    own.applied(0, 6);
    assert.equal(own.get('a'), 7);
    assert.equal(own.get('b'), undefined);
    own.applied(0, 8);
    assert.equal(own.get('a'), undefined);
  });

  it('keep the higher offset when acknowledgements come in another order', () => {
    const own = new OwnWrites();
    own.add(0, 'a', 7, 0);
    own.add(0, 'a', 3, 0);
    assert.equal(own.get('a'), 7);
    own.applied(0, 4);
    assert.equal(own.get('a'), 7);
  });

  it('hold nothing of another partition back', () => {
    const own = new OwnWrites();
    own.add(1, 'a', 3, 0);
    own.applied(0, 100);
    assert.equal(own.get('a'), 3);
  });

  it('wait for nothing that the log has lost since, and for what came after the question', () => {
    const own = new OwnWrites();
    own.add(0, 'kept', 6, 10);
    own.add(0, 'lost', 7, 10);
    own.add(0, 'later', 8, 30);
    own.add(1, 'elsewhere', 9, 10);
    assert.equal(own.shortened(0, 7, 20), 1);
    assert.deepEqual(
      ['kept', 'lost', 'later', 'elsewhere'].map((key) => own.get(key)),
      [6, undefined, 8, 9],
    );
  });
});
