import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Availability } from '../../torture/availability.ts';
import type { Operation } from '../../torture/history.ts';

const operation = (
  second: number,
  kind: Operation['kind'],
  outcome: Operation['outcome'],
): Operation => ({
  door: 'http',
  node: 'n1',
  run: 1,
  kind,
  key: 'k',
  startedAt: second * 1_000 + 500,
  endedAt: second * 1_000 + 501,
  outcome,
  status: 200,
});

it('availability is told second for second, as shares, and as the longest outage', () => {
  const availability = new Availability();
  availability.add([
    operation(1, 'get', 'ok'),
    operation(1, 'put', 'unknown'),
    operation(2, 'get', 'refused'),
    operation(2, 'put', 'not_written'),
    operation(4, 'delete', 'no_answer'),
    operation(5, 'put', 'ok'),
  ]);
  assert.deepEqual(availability.seconds()[0], [
    1,
    { reads: 1, readsOk: 1, writes: 1, writesOk: 0 },
  ]);
  assert.deepEqual(availability.share(), { reads: 0.5, writes: 0.25 });
  assert.deepEqual(availability.share(4_000, 5_500), { reads: 1, writes: 0.5 });
  assert.equal(availability.longestOutage('writes'), 3);
  assert.equal(availability.longestOutage('reads'), 1);
});
