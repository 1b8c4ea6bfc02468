import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { OUTBOUND_MAX, PEERS_AT_ONCE_MAX } from '../../../src/peers/peer-reader.ts';
import { answer, javaAnswer, live, marker } from './entries.ts';
import { member, ReaderStand, silentMember, TIMEOUT_MS } from './scripted-transport.ts';

const BEHIND = { trust: 'behind', entry: undefined, source: 1, freshPeer: false };

/** Whether a promise has settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  await turn();
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

describe('a read from peers', () => {
  it('is behind at once where there is nobody to ask', async () => {
    assert.deepEqual(await new ReaderStand([]).read(), BEHIND);
    const entry = live(3);
    const own = await new ReaderStand([]).read({ local: { position: 10, entry } });
    assert.deepEqual(own, { ...BEHIND, entry });
  });

  it('asks nobody before this node has met its log', async () => {
    const { transport, reader } = new ReaderStand(['a']);
    const local = { position: 0, entry: undefined };
    assert.deepEqual(
      await reader.read({ key: 'k', partition: 0, local, logId: undefined }),
      BEHIND,
    );
    assert.equal(transport.asked.length, 0);
  });

  it('passes on key, partition and the time that is left', async () => {
    const stand = new ReaderStand(['a']);
    const reading = stand.read({ key: 'clé', partition: 3 });
    const { reply, ...request } = stand.transport.asked[0]!;
    assert.deepEqual(request, { http: 'a', key: 'clé', partition: 3, timeoutMs: TIMEOUT_MS });
    reply.reject(new Error('refused'));
    await reading;
  });

  it('takes the newest of the answers, once all are there', async () => {
    const stand = new ReaderStand(['a', 'b', 'c']);
    const reading = stand.read();
    await stand.transport.answer('a', answer(20, live(15)));
    await stand.transport.answer('b', answer(30, marker(25)));
    assert.equal(await settled(reading), false);
    await stand.transport.answer('c', answer(12, undefined));
    const expected = { trust: 'peer', entry: marker(25), source: 2, freshPeer: false };
    assert.deepEqual(await reading, expected);
  });

  it('ends with the first fresh answer', async () => {
    const stand = new ReaderStand(['a', 'b', 'c']);
    const reading = stand.read();
    await stand.transport.answer('b', answer(30, live(25), { final: true }));
    const found = await reading;
    assert.deepEqual([found.trust, found.freshPeer, found.entry?.offset], ['peer', true, 25]);
    assert.deepEqual(stand.transport.waiting, ['a', 'c']);
  });

  it('does not end with a fresh answer of another log', async () => {
    const stand = new ReaderStand(['a', 'b']);
    const reading = stand.read();
    await stand.transport.answer('a', answer(99, live(90), { final: true, log: 'other/log' }));
    assert.equal(await settled(reading), false);
    await stand.transport.answer('b', answer(12, live(11)));
    assert.equal((await reading).entry?.offset, 11);
  });

  it('ends at the deadline with what has come until then', async () => {
    const stand = new ReaderStand(['a', 'b']);
    const reading = stand.read();
    await stand.transport.answer('a', answer(20, live(15)));
    stand.clock.advance(TIMEOUT_MS - 1);
    assert.equal(await settled(reading), false);
    stand.clock.advance(1);
    assert.equal((await reading).entry?.offset, 15);
    assert.equal(stand.clock.waiting, 0);
  });

  it('has one deadline, however many peers are tried after each other', async () => {
    const stand = new ReaderStand(['a', 'b', 'c', 'd', 'e']);
    const reading = stand.read();
    stand.clock.advance(40);
    await stand.transport.fail(stand.transport.waiting[0]!);
    assert.equal(stand.transport.asked[3]?.timeoutMs, TIMEOUT_MS - 40);
    stand.clock.advance(20);
    assert.deepEqual(await reading, BEHIND);
    assert.equal(stand.transport.asked.length, 4);
  });

  it('is behind where all fail', async () => {
    const stand = new ReaderStand(['a', 'b']);
    const reading = stand.read();
    await stand.transport.fail('a');
    await stand.transport.fail('b');
    assert.deepEqual(await reading, BEHIND);
  });

  it('is behind where a transport throws instead of rejecting', async () => {
    const stand = new ReaderStand(['a']);
    stand.transport.ask = () => {
      throw new Error('defect');
    };
    assert.deepEqual(await stand.read(), BEHIND);
  });

  it('tells how far peers of our log have come, a record beyond the position counted', async () => {
    const stand = new ReaderStand(['a', 'b', 'c']);
    const reading = stand.read();
    await stand.transport.answer('a', answer(20, live(15)));
    await stand.transport.answer('b', answer(30, live(33)));
    await stand.transport.answer('c', answer(99, undefined, { log: 'other/log' }));
    await reading;
    assert.deepEqual(stand.positions, [
      [2, 20],
      [2, 34],
    ]);
  });
});

describe('the bounds of reads from peers', () => {
  it('has three peers asked at once, and asks another when one fails', async () => {
    const stand = new ReaderStand(['a', 'b', 'c', 'd', 'e']);
    const reading = stand.read();
    assert.equal(stand.transport.waiting.length, PEERS_AT_ONCE_MAX);
    await stand.transport.fail(stand.transport.waiting[0]!);
    assert.equal(stand.transport.waiting.length, PEERS_AT_ONCE_MAX);
    while (stand.transport.waiting.length > 0) {
      await stand.transport.answer(stand.transport.waiting[0]!, answer(12, undefined));
    }
    await reading;
    assert.equal(stand.transport.asked.length, 4);
  });

  it('lets equal keys share what is asked, each with its own local state', async () => {
    const stand = new ReaderStand(['a']);
    const one = stand.read();
    const newer = stand.read({ local: { position: 40, entry: live(35) } });
    const other = stand.read({ key: 'other' });
    assert.deepEqual(
      stand.transport.asked.map(({ key }) => key),
      ['k', 'other'],
    );
    await stand.transport.answer('a', answer(30, live(25)));
    await stand.transport.answer('a', answer(30, live(26)));
    assert.equal((await one).entry?.offset, 25);
    assert.equal((await newer).entry?.offset, 35);
    assert.equal((await other).entry?.offset, 26);
  });

  it('asks anew once a shared question was answered', async () => {
    const stand = new ReaderStand(['a']);
    const entry = live(25);
    assert.deepEqual(await stand.answeredRead('k', answer(30, entry)), ['a']);
    assert.deepEqual(await stand.answeredRead('k', answer(30, entry)), ['a']);
  });

  it('does not share between logs', async () => {
    const stand = new ReaderStand([silentMember('a')], { kind: 'static' });
    const reads = [stand.read(), stand.read({ logId: 'cluster/next' })];
    assert.equal(stand.transport.asked.length, 2);
    await stand.transport.fail('a');
    await stand.transport.fail('a');
    await Promise.all(reads);
  });

  it('has no more than so many questions out, and is behind beyond', async () => {
    const stand = new ReaderStand(['a']);
    const reads = Array.from({ length: OUTBOUND_MAX }, (_, i) => stand.read({ key: `k${i}` }));
    assert.equal(stand.transport.asked.length, OUTBOUND_MAX);
    assert.deepEqual(await stand.read({ key: 'beyond' }), BEHIND);
    assert.equal(stand.transport.asked.length, OUTBOUND_MAX);
    await stand.transport.answer('a', answer(30, undefined));
    const next = stand.read({ key: 'next' });
    assert.equal(stand.transport.asked.length, OUTBOUND_MAX + 1);
    stand.clock.advance(TIMEOUT_MS);
    await Promise.all([...reads, next]);
  });

  it('counts a question as out until it ends, though its read has ended before', async () => {
    const stand = new ReaderStand(['a', 'b', 'c']);
    while (stand.transport.waiting.length < OUTBOUND_MAX - 2) {
      // A partition of its own: of the others it is known that `a` is fresh.
      const partition = stand.transport.asked.length;
      const reading = stand.read({ key: `k${partition}`, partition });
      await stand.transport.answer('a', answer(30, undefined, { final: true }));
      assert.equal((await reading).freshPeer, true);
    }
    const left = OUTBOUND_MAX - stand.transport.waiting.length;
    const asked = stand.transport.asked.length;
    const reads = [stand.read({ key: 'one' }), stand.read({ key: 'two' })];
    assert.equal(stand.transport.asked.length, asked + left);
    stand.clock.advance(TIMEOUT_MS);
    await Promise.all(reads);
  });
});

describe('whom a read asks', () => {
  it('asks members that show our log, and never ourselves', async () => {
    const stand = new ReaderStand([
      'a',
      member('other-cluster', { clusterId: 'x' }),
      member('other-topic-id', { topicId: 'x' }),
      member('other-topic', { topic: 'x' }),
      member('other-codec', { codec: 'avro' }),
      member('not-met', { clusterId: null, topicId: null, partitions: null }),
      silentMember('java'),
    ]);
    assert.deepEqual(await stand.failedRead('k'), ['a']);
  });

  it('asks static peers though they say nothing of themselves', async () => {
    const stand = new ReaderStand([silentMember('a'), silentMember('a')], { kind: 'static' });
    assert.deepEqual(await stand.failedRead('k'), ['a']);
  });

  it('asks members without data with the avro codec alone, and hears them', async () => {
    const stand = new ReaderStand([silentMember('java')], { codec: 'avro' });
    const reading = stand.read();
    await stand.transport.answer('java', javaAnswer('theirs', 5));
    const found = await reading;
    assert.deepEqual([found.trust, found.source, found.freshPeer], ['peer', 2, false]);
    assert.equal(found.entry?.value.toString(), 'theirs');
  });

  it('asks the fresh first, then the most advanced, and keeps a place for the others', async () => {
    const stand = new ReaderStand(['a', 'b', 'c', 'd', 'e', 'f'], { random: () => 0.99 });
    const positions: Record<string, number> = { a: 30, b: 50, c: 40, d: 20 };
    for (const [http, position] of Object.entries(positions)) {
      stand.members = [member('self', {}, true), member(http)];
      await stand.answeredRead('k', answer(position, undefined, { final: http === 'd' }));
    }
    stand.members = [...'abcdef'].map((http) => member(http));
    const asked = await stand.answeredRead('k', answer(60, undefined));
    assert.deepEqual(asked.slice(0, 2), ['d', 'b']);
    assert.equal(asked.length, 3);
    assert.ok(['e', 'f'].includes(asked[2] ?? ''), `${asked[2]} is one of those never asked`);
  });

  it('reaches every peer in the end', async () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const stand = new ReaderStand(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'], { random });
    const asked = new Set<string>();
    for (let i = 0; i < 100; i++) {
      for (const http of await stand.answeredRead(`k${i}`, answer(30, undefined))) asked.add(http);
    }
    assert.equal(asked.size, 8);
  });
});

describe('peers that are left alone', () => {
  it('does not ask a peer again within a second that was not ahead of us', async () => {
    const stand = new ReaderStand(['a']);
    assert.deepEqual(await stand.answeredRead('k', answer(10, undefined)), ['a']);
    stand.clock.advance(999);
    assert.deepEqual(await stand.answeredRead('other', answer(10, undefined)), []);
    stand.clock.advance(1);
    assert.deepEqual(await stand.answeredRead('k', answer(10, undefined)), ['a']);
  });

  it('knows that for one partition at a time', async () => {
    const stand = new ReaderStand(['a']);
    await stand.answeredRead('k', answer(10, undefined));
    const reading = stand.read({ key: 'elsewhere', partition: 3 });
    assert.deepEqual(stand.transport.waiting, ['a']);
    await stand.transport.fail('a');
    await reading;
  });

  it('goes on asking a peer that was ahead, until we have come as far', async () => {
    const stand = new ReaderStand(['a']);
    assert.deepEqual(await stand.answeredRead('k', answer(11, undefined)), ['a']);
    assert.deepEqual(await stand.answeredRead('k', answer(11, undefined)), ['a']);
    const caughtUp = { position: 11, entry: undefined };
    assert.deepEqual(await stand.read({ local: caughtUp }), BEHIND);
    assert.equal(stand.transport.asked.length, 2);
  });

  it('goes on asking a fresh peer, which can vouch for what we have', async () => {
    const stand = new ReaderStand(['a']);
    const fresh = answer(10, undefined, { final: true });
    assert.deepEqual(await stand.answeredRead('k', fresh), ['a']);
    assert.deepEqual(await stand.answeredRead('k', fresh), ['a']);
  });

  it('does not ask a peer of another log again within a second', async () => {
    const stand = new ReaderStand([silentMember('a')], { kind: 'static' });
    const foreign = answer(99, live(90), { log: 'other/log', final: true });
    assert.deepEqual(await stand.answeredRead('k', foreign), ['a']);
    assert.deepEqual(await stand.answeredRead('k', foreign), []);
    const unmet = { log: undefined, position: undefined, final: false, entry: undefined };
    stand.clock.advance(1_000);
    assert.deepEqual(await stand.answeredRead('k', unmet), ['a']);
    assert.deepEqual(await stand.answeredRead('k', unmet), []);
  });

  it('does not ask for a second a peer that failed five times in a row, then tries once', async () => {
    const stand = new ReaderStand(['a']);
    for (let i = 0; i < 5; i++) assert.deepEqual(await stand.failedRead(`k${i}`), ['a']);
    assert.deepEqual(await stand.failedRead('k'), []);
    stand.clock.advance(1_000);
    const trial = stand.read({ key: 'trial' });
    assert.deepEqual(await stand.read({ key: 'meanwhile' }), BEHIND);
    assert.deepEqual(stand.transport.waiting, ['a']);
    await stand.transport.fail('a');
    await trial;
    stand.clock.advance(1_999);
    assert.deepEqual(await stand.failedRead('k'), []);
    stand.clock.advance(1);
    assert.deepEqual(await stand.answeredRead('k', answer(30, undefined)), ['a']);
    assert.deepEqual(await stand.answeredRead('k', answer(30, undefined)), ['a']);
  });

  it('does not try a peer either that began to fail while the read was under way', async () => {
    const stand = new ReaderStand(['a', 'b', 'c', 'd']);
    const { members } = stand;
    const reading = stand.read();
    assert.deepEqual(stand.transport.waiting, ['a', 'b', 'c']);
    stand.members = members.filter(({ self, http }) => self || http === 'd');
    for (let i = 0; i < 5; i++) {
      const failing = stand.read({ key: `k${i}` });
      await stand.transport.fail('d');
      await failing;
    }
    await stand.transport.fail('a');
    assert.deepEqual(stand.transport.waiting, ['b', 'c']);
    stand.clock.advance(TIMEOUT_MS);
    await reading;
  });

  it('counts a missed deadline as a failure, and peers apart', async () => {
    const stand = new ReaderStand(['a', 'b']);
    for (let i = 0; i < 5; i++) {
      const reading = stand.read({ key: `k${i}` });
      await stand.transport.answer('b', answer(30, undefined));
      stand.clock.advance(TIMEOUT_MS);
      await reading;
    }
    assert.deepEqual(await stand.failedRead('k'), ['b']);
  });
});
