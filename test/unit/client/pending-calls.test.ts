import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type CallOutcome, PendingCalls } from '../../../src/client/pending-calls.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

/** By how much a call may be given up too late. */
const SLACK_MS = 5;

function openPending() {
  const clock = new ManualClock();
  const late: number[] = [];
  const pending = new PendingCalls(clock, ({ until }) => late.push(until));
  const settled: { readonly outcome: CallOutcome; readonly at: number; readonly until: number }[] =
    [];
  /** A call of so many ms; its serial. */
  const add = (ms: number) => {
    const sentAt = clock.monotonic();
    const until = sentAt + ms;
    const settle = (outcome: CallOutcome) =>
      settled.push({ outcome, at: clock.monotonic(), until });
    return pending.add({ message: 'getValue', sentAt, until, settle });
  };
  return { clock, late, pending, settled, add };
}

describe('PendingCalls', () => {
  it('gives a call up at its deadline and not before', () => {
    const { clock, late, pending, settled, add } = openPending();
    add(1_000);
    clock.advance(999.9);
    assert.deepEqual(settled, []);
    clock.advance(0.1);
    assert.deepEqual(settled, [{ outcome: { kind: 'late' }, at: 1_000, until: 1_000 }]);
    assert.deepEqual(late, [1_000]);
    assert.equal(pending.size, 0);
  });

  it('gives up each call in time, whatever the order of the deadlines', () => {
    const calls = fc.array(fc.tuple(fc.nat({ max: 40 }), fc.integer({ min: 1, max: 200 })));
    fc.assert(
      fc.property(calls, (sent) => {
        const { clock, settled, add } = openPending();
        for (const [pause, ms] of sent) {
          clock.advance(pause);
          add(ms);
        }
        clock.advance(1_000);
        assert.equal(settled.length, sent.length);
        for (const { at, until } of settled) assert.ok(at >= until && at <= until + SLACK_MS);
      }),
    );
  });

  it('leaves alone what was answered', () => {
    const { clock, late, pending, settled, add } = openPending();
    const serial = add(100);
    assert.equal(pending.get(serial)?.until, 100);
    pending.delete(serial);
    clock.advance(1_000);
    assert.deepEqual([settled, late], [[], []]);
  });

  it('knows a late answer’s call no more', () => {
    const { clock, pending, add } = openPending();
    const [first, second] = [add(100), add(200)];
    clock.advance(100);
    assert.equal(pending.get(first), undefined);
    assert.equal(pending.get(second)?.until, 200);
  });

  it('has one timer for any number of calls, and none in the end', () => {
    const { clock, pending, add } = openPending();
    assert.equal(clock.waiting, 0);
    for (let i = 0; i < 100; i++) pending.delete(add(100 + i));
    assert.equal(clock.waiting, 1);
    clock.advance(100);
    assert.equal(clock.waiting, 0);
    // It starts anew, and there is still one where a later call is to be given up sooner.
    for (const ms of [100, 50, 200]) add(ms);
    assert.equal(clock.waiting, 1);
  });

  it('loses all of them at once and sets no timer for them', () => {
    const { clock, late, pending, settled, add } = openPending();
    for (const ms of [100, 50, 200]) add(ms);
    const error = new Error('gone');
    pending.lose(error);
    assert.equal(clock.waiting, 0);
    clock.advance(1_000);
    const lost = (until: number) => ({ outcome: { kind: 'lost', error }, at: 0, until });
    assert.deepEqual(settled, [100, 50, 200].map(lost));
    assert.deepEqual([late, pending.size], [[], 0]);
    add(100);
    clock.advance(100);
    assert.deepEqual(late, [1_100]);
  });
});
