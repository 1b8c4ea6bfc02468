import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HEDGE_AFTER_MS } from '../../../src/peers/peer-reader.ts';
import { answer, live } from './entries.ts';
import { member, ReaderStand, TIMEOUT_MS } from './scripted-transport.ts';

describe('a read that knows of a fresh peer', () => {
  const fresh = answer(30, live(25), { final: true });

  /** Three peers, of which `b` has just been fresh. */
  async function known(): Promise<ReaderStand> {
    const stand = new ReaderStand(['b']);
    await stand.answeredRead('k', fresh);
    stand.members = [member('self', {}, true), ...['a', 'b', 'c'].map((http) => member(http))];
    return stand;
  }

  it('asks it alone', async () => {
    const stand = await known();
    assert.deepEqual(await stand.answeredRead('k', fresh), ['b']);
    assert.equal(stand.clock.waiting, 0);
  });

  it('asks others beside it when it takes its time', async () => {
    const stand = await known();
    const reading = stand.read();
    stand.clock.advance(HEDGE_AFTER_MS - 1);
    assert.deepEqual(stand.transport.waiting, ['b']);
    stand.clock.advance(1);
    assert.deepEqual(stand.transport.waiting, ['b', 'a', 'c']);
    await stand.transport.answer('c', answer(40, live(35), { final: true }));
    assert.equal((await reading).entry?.offset, 35);
  });

  it('asks the others at once when it fails, or is fresh no more', async () => {
    const stand = await known();
    const one = stand.read({ key: 'one' });
    await stand.transport.fail('b');
    assert.deepEqual(stand.transport.waiting, ['a', 'c']);
    stand.clock.advance(TIMEOUT_MS);
    await one;
    const two = stand.read({ key: 'two' });
    assert.deepEqual(stand.transport.waiting.slice(2), ['b']);
    await stand.transport.answer('b', answer(31, undefined));
    assert.deepEqual(stand.transport.waiting.slice(2), ['a', 'c']);
    stand.clock.advance(TIMEOUT_MS);
    await two;
    assert.equal(stand.clock.waiting, 0);
  });

  it('asks all at once where that was long ago, or of another partition', async () => {
    const stand = await known();
    const other = stand.read({ key: 'other', partition: 3 });
    assert.equal(stand.transport.waiting.length, 3);
    stand.clock.advance(TIMEOUT_MS);
    await other;
    const again = await known();
    again.clock.advance(1_000);
    assert.equal((await again.failedRead('late')).length, 3);
  });
});
