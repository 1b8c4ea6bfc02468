import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Entry } from '../../../src/entry.ts';
import type { PeerAnswer } from '../../../src/peers/peer-transport.ts';
import { rankAnswers } from '../../../src/peers/rank-answers.ts';
import { answer, javaAnswer, LOG, live, marker, unreadable } from './entries.ts';

function rank(
  local: { readonly position: number; readonly entry: Entry | undefined },
  answers: readonly PeerAnswer[],
  { logId = LOG, hearsJava = false }: { logId?: string | undefined; hearsJava?: boolean } = {},
) {
  return rankAnswers({ local, answers, logId, hearsJava });
}

const ABSENT_AT_10 = { position: 10, entry: undefined };
const OWN = live(4);
const OWN_AT_10 = { position: 10, entry: OWN };

describe('the ranking of answers', () => {
  it('leaves our own state as behind where nobody answered', () => {
    assert.deepEqual(rank(OWN_AT_10, []), {
      trust: 'behind',
      entry: OWN,
      source: 1,
      freshPeer: false,
    });
  });

  it('takes the higher offset, whatever its timestamp', () => {
    const newer = live(20, 'new', 1);
    assert.deepEqual(rank(OWN_AT_10, [answer(30, live(15)), answer(21, newer)]), {
      trust: 'peer',
      entry: newer,
      source: 2,
      freshPeer: false,
    });
  });

  it('takes markers and unreadable entries for answers', () => {
    assert.deepEqual(rank(OWN_AT_10, [answer(30, marker(12))]).entry, marker(12));
    assert.deepEqual(rank(OWN_AT_10, [answer(30, unreadable(12))]).entry, unreadable(12));
    const own = { position: 10, entry: marker(9) };
    assert.deepEqual(rank(own, [answer(9, live(3))]).entry, marker(9));
  });

  it('lets an absence beat what lies before its position, and nothing else', () => {
    assert.equal(rank(OWN_AT_10, [answer(5, undefined)]).entry, undefined);
    assert.equal(rank(OWN_AT_10, [answer(5, undefined)]).trust, 'peer');
    assert.equal(rank(OWN_AT_10, [answer(4, undefined)]).entry, OWN);
    assert.equal(rank(ABSENT_AT_10, [answer(9, live(9))]).entry, undefined);
    assert.deepEqual(rank(ABSENT_AT_10, [answer(11, live(10))]).entry, live(10));
  });

  it('lets our own state win a tie', () => {
    const same = rank(OWN_AT_10, [answer(50, live(4))]);
    assert.equal(same.entry, OWN);
    assert.deepEqual([same.source, same.trust], [1, 'behind']);
    const absent = rank(ABSENT_AT_10, [answer(50, undefined)]);
    assert.deepEqual([absent.entry, absent.source, absent.trust], [undefined, 1, 'behind']);
  });

  it('says peer and whether it was fresh when a fresh peer answered, even the same', () => {
    const same = rank(OWN_AT_10, [answer(10, live(4), { final: true })]);
    assert.deepEqual(same, { trust: 'peer', entry: OWN, source: 1, freshPeer: true });
    const absent = rank(ABSENT_AT_10, [answer(10, undefined, { final: true })]);
    assert.deepEqual(absent, { trust: 'peer', entry: undefined, source: 1, freshPeer: true });
  });

  it('passes over other logs, fresh or not, and all while we have no log', () => {
    const others = [
      answer(99, live(98), { log: 'cluster/other', final: true }),
      answer(99, undefined, { log: 'other/topic' }),
      { ...answer(99, live(98)), log: undefined, final: true },
    ];
    const expected = { trust: 'behind', entry: OWN, source: 1, freshPeer: false };
    assert.deepEqual(rank(OWN_AT_10, others), expected);
    const unmet = { local: OWN_AT_10, answers: [answer(99, live(98))], logId: undefined };
    assert.deepEqual(rankAnswers({ ...unmet, hearsJava: true }), expected);
  });
});

describe('the ranking of answers of the original’s nodes', () => {
  const heard = { hearsJava: true };

  it('hears them with the avro codec alone', () => {
    assert.equal(rank(ABSENT_AT_10, [javaAnswer('java', 5)]).entry, undefined);
    const found = rank(ABSENT_AT_10, [javaAnswer('java', 5)], heard);
    assert.equal(found.entry?.value.toString(), 'java');
    assert.deepEqual([found.source, found.trust, found.freshPeer], [2, 'peer', false]);
  });

  it('takes theirs over an older timestamp alone', () => {
    const { timestamp } = OWN;
    assert.equal(rank(OWN_AT_10, [javaAnswer('older', timestamp - 1)], heard).entry, OWN);
    assert.equal(rank(OWN_AT_10, [javaAnswer('same', timestamp)], heard).entry, OWN);
    const newer = rank(OWN_AT_10, [javaAnswer('newer', timestamp + 1)], heard);
    assert.equal(newer.entry?.value.toString(), 'newer');
  });

  it('compares them with the winner of the log’s order', () => {
    const peer = live(20, 'peer', 7_000);
    const answers = [javaAnswer('java', 6_000), answer(30, peer)];
    assert.equal(rank(OWN_AT_10, answers, heard).entry, peer);
    assert.equal(rank(OWN_AT_10, answers.toReversed(), heard).entry, peer);
  });

  it('takes the highest timestamp among them, over more than 24.8 days too', () => {
    const days = 86_400_000;
    const answers = [
      javaAnswer('a', 1_000_000),
      javaAnswer('c', 1_000_000 + 60 * days),
      javaAnswer('b', 1_000_000 + 30 * days),
    ];
    assert.equal(rank(OWN_AT_10, answers, heard).entry?.value.toString(), 'c');
  });

  it('makes nothing of their absences', () => {
    assert.equal(rank(OWN_AT_10, [javaAnswer(undefined)], heard).entry, OWN);
  });

  it('does not hear them against a fresh peer', () => {
    const fresh = answer(30, marker(20), { final: true });
    assert.deepEqual(
      rank(OWN_AT_10, [javaAnswer('java', 9_999_999), fresh], heard).entry,
      marker(20),
    );
    const absent = answer(30, undefined, { final: true });
    assert.equal(rank(ABSENT_AT_10, [javaAnswer('java', 5), absent], heard).entry, undefined);
  });
});

describe('the ranking of answers, on any history of a key', () => {
  /** Offsets at which the key was written, in a log of 40 records, and nodes that stand in it. */
  const histories = fc.record({
    writes: fc.uniqueArray(fc.integer({ min: 0, max: 39 }), { maxLength: 8 }),
    nodes: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 5 }),
  });

  const stateAt = (writes: readonly number[], position: number) => {
    const offset = Math.max(-1, ...writes.filter((each) => each < position));
    if (offset < 0) return undefined;
    return offset % 3 === 0 ? marker(offset) : live(offset, `v${offset}`, 500 - offset);
  };

  it('gives what the most advanced node has, in whatever order the answers came', () => {
    fc.assert(
      fc.property(histories, fc.gen(), ({ writes, nodes }, gen) => {
        const states = nodes.map((position) => ({ position, entry: stateAt(writes, position) }));
        const [local = ABSENT_AT_10, ...peers] = states;
        const answers = peers.map(({ position, entry }) => answer(position, entry));
        const shuffled = gen(fc.shuffledSubarray, answers, { minLength: answers.length });
        const newest = stateAt(writes, Math.max(...nodes));
        const ranked = rank(local, shuffled);
        assert.deepEqual(ranked.entry, newest);
        const changed = newest?.offset !== local.entry?.offset;
        assert.equal(ranked.trust, changed ? 'peer' : 'behind');
        assert.equal(ranked.source, changed ? 2 : 1);
      }),
      { numRuns: 500 },
    );
  });

  it('is never talked out of it by other logs or by older answers', () => {
    fc.assert(
      fc.property(histories, ({ writes, nodes }) => {
        const position = Math.max(...nodes);
        const local = { position, entry: stateAt(writes, position) };
        const answers = nodes.flatMap((each) => [
          answer(each, stateAt(writes, each)),
          answer(each + 100, live(each + 99), { log: 'another/log', final: true }),
        ]);
        const { entry, trust } = rank(local, answers);
        assert.equal(entry, local.entry);
        assert.equal(trust, 'behind');
      }),
      { numRuns: 500 },
    );
  });
});
