import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ServiceError } from '../../src/errors.ts';
import { assertSame, requestFor } from '../helpers/append-requests.ts';
import { LogFollower } from '../helpers/log-follower.ts';
import { WAL_TEST_MS, type WalSuite } from './wal-suite.ts';

const FLUSH_MS = 10_000;
const CLOSE_SLACK_MS = 10_000;

/** The last tests of the suite: they close the log. */
export function describeWalLifecycle(suite: WalSuite): void {
  const options = { timeout: 2 * WAL_TEST_MS };

  it(
    'ends a reader that is closed, twice if asked, and refuses next after it',
    options,
    async () => {
      const reader = await suite.wal().read(await suite.wal().ends());
      const pending = reader.next(10).then(
        () => 'settled',
        () => 'settled',
      );
      await reader.close();
      assert.equal(await pending, 'settled');
      await reader.close();
      await assert.rejects(reader.next(10));
    },
  );

  it('is the same log, with the same records, after a reopen', options, async (t) => {
    const former = suite.wal();
    const { identity } = suite.description();
    const request = requestFor(0, { headers: [{ name: 'kept', value: 'yes' }] });
    const appended = await former.append(request);
    const ends = await former.ends();
    await former.close(FLUSH_MS);
    const wal = await suite.reopened();
    if (wal === undefined) return t.skip('this engine cannot be opened again');

    assert.deepEqual(suite.description().identity, identity);
    assert.deepEqual(await wal.identity(), identity);
    assert.deepEqual(await wal.ends(), ends);
    const start = [appended.offset, ...ends.slice(1)];
    const follower = new LogFollower(await wal.read(start), start);
    await follower.untilAll([{ partition: 0, offset: appended.offset }]);
    await follower.reader.close();
    assertSame(follower.at(0, appended.offset), request, appended);
    const later = await wal.append(requestFor(0));
    assert.ok(later.offset >= ends[0]!);
    assert.ok(later.timestamp >= appended.timestamp);
  });

  it('settles what is in flight at close, and refuses every call after it', options, async () => {
    const wal = suite.wal();
    const ends = [...(await wal.ends().catch(() => []))];
    const inFlight = Array.from({ length: 50 }, (_, i) =>
      wal.append(requestFor(i % suite.partitions())),
    );
    const settled = Promise.allSettled(inFlight);
    const reader = await wal.read(ends).catch(() => undefined);
    const reading = reader?.next(10).catch(() => undefined);

    const began = performance.now();
    await wal.close(FLUSH_MS);
    assert.ok(performance.now() - began < FLUSH_MS + CLOSE_SLACK_MS);
    for (const each of await settled) {
      if (each.status === 'fulfilled') continue;
      assert.ok(each.reason instanceof ServiceError, String(each.reason));
      assert.equal(each.reason.code, 'log_unavailable');
      assert.ok(each.reason.outcome);
    }
    await reading;
    await reader?.close();

    await assert.rejects(wal.append(requestFor(0)), (error) => {
      assert.ok(error instanceof ServiceError, String(error));
      assert.equal(error.outcome, 'not_written');
      return true;
    });
    await assert.rejects(wal.identity());
    await assert.rejects(wal.ends());
    await assert.rejects(wal.bounds());
    await assert.rejects(wal.fetch([{ partition: 0, offset: 0 }]));
    await assert.rejects(wal.read(ends));
    wal.publishPositions(ends);
    await wal.close(FLUSH_MS);
  });

  it('kept every append that it acknowledged before the close', options, async (t) => {
    const wal = await suite.reopened();
    if (wal === undefined) return t.skip('this engine cannot be opened again');
    const start = await wal.ends();
    const requests = Array.from({ length: 50 }, (_, i) => requestFor(i % suite.partitions()));
    const settled = Promise.allSettled(requests.map((each) => wal.append(each)));
    await wal.close(FLUSH_MS);
    const outcomes = await settled;

    const again = await suite.reopened();
    assert.ok(again);
    const kept = requests.flatMap((request, i) => {
      const outcome = outcomes[i]!;
      return outcome.status === 'fulfilled' ? [{ request, appended: outcome.value }] : [];
    });
    const follower = new LogFollower(await again.read(start), start);
    await follower.untilAll(
      kept.map(({ request, appended }) => ({
        partition: request.partition,
        offset: appended.offset,
      })),
    );
    await follower.reader.close();
    for (const { request, appended } of kept) {
      assertSame(follower.at(request.partition, appended.offset), request, appended);
    }
  });
}
