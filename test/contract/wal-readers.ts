import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Appended, AppendRequest, Wal } from '../../src/wal/wal.ts';
import { assertSame, requestFor } from '../helpers/append-requests.ts';
import { eventually } from '../helpers/eventually.ts';
import { LogFollower } from '../helpers/log-follower.ts';
import { WAL_TEST_MS, type WalSuite } from './wal-suite.ts';

const IDLE_ANSWER_MS = 5_000;

async function follow(wal: Wal, start: readonly number[]): Promise<LogFollower> {
  return new LogFollower(await wal.read(start), start);
}

async function appendAll(wal: Wal, requests: readonly AppendRequest[]): Promise<Appended[]> {
  const appended: Appended[] = [];
  for (const each of requests) appended.push(await wal.append(each));
  return appended;
}

export function describeReaders(suite: WalSuite): void {
  const options = { timeout: WAL_TEST_MS };
  const three = () => Array.from({ length: 3 }, () => requestFor(0));

  it('reads from the position on, not before', options, async () => {
    const wal = suite.wal();
    const requests = three();
    const appended = await appendAll(wal, requests);
    const start = [...(await wal.ends())];
    start[0] = appended[1]!.offset;
    const follower = await follow(wal, start);
    await follower.untilAll([{ partition: 0, offset: appended[2]!.offset }]);
    await follower.reader.close();
    assertSame(follower.at(0, appended[1]!.offset), requests[1]!, appended[1]!);
    assert.ok(follower.records.every((r) => r.partition !== 0 || r.offset >= start[0]!));
  });

  it('reads what was appended while nobody read', options, async () => {
    const wal = suite.wal();
    const start = await wal.ends();
    const requests = three();
    const appended = await appendAll(wal, requests);
    const follower = await follow(wal, start);
    await follower.untilAll(appended.map(({ offset }) => ({ partition: 0, offset })));
    await follower.reader.close();
  });

  it('waits at the end and hands over what comes later', options, async () => {
    const wal = suite.wal();
    const start = await wal.ends();
    const follower = await follow(wal, start);
    await follower.step();
    await follower.step();
    const partition = suite.partitions() - 1;
    for (let i = 0; i < 3; i += 1) {
      const request = requestFor(partition);
      const [, appended] = await Promise.all([follower.step(), wal.append(request)]);
      await follower.untilAll([{ partition, offset: appended.offset }]);
      assertSame(follower.at(partition, appended.offset), request, appended);
    }
    await follower.reader.close();
  });

  it('answers next on an idle log with nothing, in time', options, async () => {
    const wal = suite.wal();
    const start = await wal.ends();
    const follower = await follow(wal, start);
    for (let i = 0; i < 5; i += 1) {
      const began = performance.now();
      const { records } = await follower.step();
      assert.ok(performance.now() - began < IDLE_ANSWER_MS);
      assert.deepEqual(records, []);
    }
    await follower.reader.close();
  });

  it('gives no more records than asked and loses none by it', options, async () => {
    const wal = suite.wal();
    const start = await wal.ends();
    const requests = Array.from({ length: 40 }, (_, i) => requestFor(i % suite.partitions()));
    const appended = await appendAll(wal, requests);
    const follower = await follow(wal, start);
    const latest = performance.now() + 25_000;
    while (follower.records.length < 40 && performance.now() < latest) await follower.step(3);
    await follower.reader.close();
    for (const [i, request] of requests.entries()) {
      assertSame(follower.at(request.partition, appended[i]!.offset), request, appended[i]!);
    }
  });

  it('tells the end as reached once all is read, never before', options, async () => {
    const wal = suite.wal();
    const start = await wal.ends();
    await appendAll(wal, three());
    const ends = await wal.ends();
    const follower = await follow(wal, start);
    await follower.until('every end reached', () =>
      ends.every((end, partition) => follower.positions[partition]! >= end),
    );
    assert.equal(follower.records.filter((r) => r.partition === 0).length, 3);
    await follower.reader.close();
  });

  it('tells reached where the position is the end already', options, async () => {
    const wal = suite.wal();
    const ends = await wal.ends();
    const follower = await follow(wal, ends);
    await follower.until('every end reached', () =>
      ends.every((e, p) => follower.reached[p] === e),
    );
    await follower.reader.close();
  });

  it('goes on where seek says, in that partition alone', options, async () => {
    const wal = suite.wal();
    const start = await wal.ends();
    const requests = three();
    const appended = await appendAll(wal, requests);
    const places = appended.map(({ offset }) => ({ partition: 0, offset }));
    const first = await follow(wal, start);
    await first.untilAll(places);
    const back = appended[1]!.offset;
    await first.reader.seek(0, back);
    const second = new LogFollower(first.reader, [back, ...first.positions.slice(1)]);
    await second.untilAll(places.slice(1));
    const ends = await wal.ends();
    await second.reader.seek(0, ends[0]!);
    const third = new LogFollower(first.reader, [ends[0]!, ...second.positions.slice(1)]);
    const late = await wal.append(requestFor(0));
    await third.untilAll([{ partition: 0, offset: late.offset }]);
    assert.equal(third.records.length, 1);
    await first.reader.close();
  });

  it('serves two readers, each at its own pace', options, async () => {
    const wal = suite.wal();
    const start = await wal.ends();
    const slow = await follow(wal, start);
    const quick = await follow(wal, start);
    const appended = await appendAll(wal, three());
    const places = appended.map(({ offset }) => ({ partition: 0, offset }));
    await quick.untilAll(places);
    await quick.reader.close();
    const late = await wal.append(requestFor(0));
    await slow.untilAll([...places, { partition: 0, offset: late.offset }]);
    await slow.reader.close();
  });

  it('knows its ends and bounds', options, async () => {
    const wal = suite.wal();
    const [before, boundsBefore] = [await wal.ends(), await wal.bounds()];
    assert.equal(before.length, suite.partitions());
    const appended = await wal.append(requestFor(0));
    const ends = await eventually('the end covers the append', async () => {
      const now = await wal.ends();
      return now[0]! > appended.offset ? now : undefined;
    });
    const bounds = await wal.bounds();
    assert.deepEqual(
      bounds.map(({ end }) => end),
      ends,
    );
    assert.deepEqual(await wal.readableEnds(), ends);
    for (const [p, { start, end, readable }] of bounds.entries()) {
      assert.ok(start >= boundsBefore[p]!.start && start <= end);
      assert.equal(readable, end);
      if (p > 0) assert.equal(end, before[p]);
    }
    assert.ok(appended.offset >= before[0]!);
  });

  it('fetches exact places, and undefined where there is no record', options, async () => {
    const wal = suite.wal();
    const requests = [requestFor(0), requestFor(suite.partitions() - 1)];
    const [first, second] = await appendAll(wal, requests);
    const ends = await wal.ends();
    const places = [
      { partition: requests[1]!.partition, offset: second!.offset },
      { partition: 0, offset: ends[0]! },
      { partition: 0, offset: first!.offset },
      { partition: 0, offset: ends[0]! + 1000 },
    ];
    const fetched = await wal.fetch(places);
    assert.equal(fetched.length, places.length);
    assertSame(fetched[0]!, requests[1]!, second!);
    assertSame(fetched[2]!, requests[0]!, first!);
    assert.deepEqual([fetched[1], fetched[3]], [undefined, undefined]);
    assert.deepEqual(await wal.fetch([]), []);
  });
}
