import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { CircuitBreaker, FAILURES_MAX } from '../../../src/peers/circuit-breaker.ts';

describe('a circuit breaker', () => {
  let breaker: CircuitBreaker;

  beforeEach(() => {
    breaker = new CircuitBreaker();
  });

  function failTimes(times: number, now = 0): boolean[] {
    return Array.from({ length: times }, () => breaker.failed(now, breaker.begin()));
  }

  it('opens at the fifth failure in a row and says so once', () => {
    assert.deepEqual(failTimes(FAILURES_MAX), [false, false, false, false, true]);
    assert.equal(breaker.allows(999), false);
    assert.equal(breaker.allows(1_000), true);
  });

  it('counts failures in a row alone', () => {
    failTimes(FAILURES_MAX - 1);
    assert.equal(breaker.succeeded(), false);
    failTimes(FAILURES_MAX - 1);
    assert.equal(breaker.allows(0), true);
  });

  it('lets one trial through, and closes when it succeeds', () => {
    failTimes(FAILURES_MAX);
    assert.equal(breaker.begin(), true);
    assert.equal(breaker.allows(5_000), false);
    assert.equal(breaker.succeeded(), true);
    assert.equal(breaker.allows(0), true);
    assert.equal(breaker.begin(), false);
  });

  it('stays open twice as long after each failed trial, up to 30 s', () => {
    failTimes(FAILURES_MAX);
    let now = 1_000;
    for (const openMs of [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      assert.equal(breaker.failed(now, breaker.begin()), false);
      assert.equal(breaker.allows(now + openMs - 1), false);
      assert.equal(breaker.allows(now + openMs), true);
      now += openMs;
    }
  });

  it('is not held open by calls that began before it opened', () => {
    const early = Array.from({ length: FAILURES_MAX * 3 }, () => breaker.begin());
    early.forEach((trial, i) => {
      breaker.failed(i < FAILURES_MAX ? 0 : 900, trial);
    });
    assert.equal(breaker.allows(1_000), true);
  });

  it('begins anew with a second after it had closed', () => {
    failTimes(FAILURES_MAX);
    breaker.failed(1_000, breaker.begin());
    breaker.begin();
    breaker.succeeded();
    failTimes(FAILURES_MAX, 9_000);
    assert.equal(breaker.allows(10_000), true);
  });
});
