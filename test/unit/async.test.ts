import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Deferred, deferred, inTurns } from '../../src/async.ts';
import { eventually } from '../helpers/eventually.ts';

describe('a question asked in turns', () => {
  it('gives no asker an answer that is older than its question', async () => {
    const asked: Deferred<number>[] = [];
    const ask = inTurns(() => {
      const answer = deferred<number>();
      asked.push(answer);
      return answer.promise;
    });
    const first = ask();
    const others = [ask(), ask(), ask()];
    assert.equal(asked.length, 1);
    asked[0]?.resolve(1);
    assert.equal(await first, 1);
    await eventually('the others share the next one', () => asked.length === 2);
    asked[1]?.resolve(2);
    assert.deepEqual(await Promise.all(others), [2, 2, 2]);
  });

  it('goes on after a failure', async () => {
    let turn = 0;
    const ask = inTurns(async () => {
      turn += 1;
      if (turn === 1) throw new Error('first');
      return turn;
    });
    const [first, second] = await Promise.allSettled([ask(), ask()]);
    assert.equal(first.status, 'rejected');
    assert.deepEqual(second, { status: 'fulfilled', value: 2 });
    assert.equal(await ask(), 3);
  });
});
