import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';
import { ServiceError } from '../../src/errors.ts';
import type { Appended, AppendRequest } from '../../src/wal/wal.ts';
import { assertSame, requestFor } from '../helpers/append-requests.ts';
import { LogFollower } from '../helpers/log-follower.ts';
import { WAL_TEST_MS, type WalSuite } from './wal-suite.ts';

const CLOCKS_MAY_DIFFER_MS = 60_000;
const MIB = 1024 * 1024;

export function describeAppends(suite: WalSuite): void {
  const options = { timeout: WAL_TEST_MS };

  it('gives rising offsets and weakly rising timestamps in each partition', options, async () => {
    for (let partition = 0; partition < suite.partitions(); partition += 1) {
      let last = { offset: -1, timestamp: 0 };
      for (let i = 0; i < 5; i += 1) {
        const appended = await suite.wal().append(requestFor(partition));
        assert.ok(Number.isSafeInteger(appended.offset));
        assert.ok(appended.offset > last.offset, `${appended.offset} after ${last.offset}`);
        assert.ok(appended.timestamp >= last.timestamp);
        assert.ok(Math.abs(Date.now() - appended.timestamp) < CLOCKS_MAY_DIFFER_MS);
        last = appended;
      }
    }
  });

  it('gives back what was appended, byte for byte, with its headers', options, async () => {
    const wal = suite.wal();
    const start = await wal.ends();
    const requests: AppendRequest[] = [];
    for (let partition = 0; partition < suite.partitions(); partition += 1) {
      requests.push(
        requestFor(partition),
        requestFor(partition, { value: Buffer.from([0]) }),
        requestFor(partition, { key: Buffer.from([0, 255, 0x80, 10, 0]), value: randomBytes(300) }),
        requestFor(partition, {
          value: Buffer.from([0]),
          headers: [{ name: 'bitacora-op', value: 'delete' }],
        }),
        requestFor(partition, {
          headers: [
            { name: 'first', value: 'one' },
            { name: 'second', value: '' },
            { name: 'first', value: 'again' },
          ],
        }),
      );
    }
    const appended: Appended[] = [];
    for (const each of requests) appended.push(await wal.append(each));

    const follower = new LogFollower(await wal.read(start), start);
    const places = requests.map(({ partition }, i) => ({ partition, offset: appended[i]!.offset }));
    await follower.untilAll(places);
    await follower.reader.close();
    for (const [i, request] of requests.entries()) {
      const record = follower.at(request.partition, appended[i]!.offset);
      assertSame(record, request, appended[i]!);
      if (suite.description().appendTime) assert.equal(record.timestamp, appended[i]!.timestamp);
    }
  });

  it('takes keys of 8 KiB and values of 1 MiB', options, async () => {
    const wal = suite.wal();
    const start = await wal.ends();
    const partition = suite.partitions() - 1;
    const request = requestFor(partition, { key: randomBytes(8 * 1024), value: randomBytes(MIB) });
    const appended = await wal.append(request);
    const follower = new LogFollower(await wal.read(start), start);
    await follower.untilAll([{ partition, offset: appended.offset }]);
    await follower.reader.close();
    assertSame(follower.at(partition, appended.offset), request, appended);
  });

  it('refuses a record over its limit, and takes the next one', options, async (t) => {
    const { recordBytesMax } = suite.description();
    if (recordBytesMax === undefined) return t.skip('this log does not know its limit');
    const request = requestFor(0, { key: 'k', value: Buffer.alloc(recordBytesMax, 1) });
    await assert.rejects(suite.wal().append(request), (error) => {
      assert.ok(error instanceof ServiceError);
      assert.equal(error.code, 'too_large');
      assert.equal(error.outcome, 'not_written');
      return true;
    });
    await suite.wal().append(requestFor(0));
  });

  it('acknowledges 500 concurrent appends, each at its own place', options, async () => {
    const wal = suite.wal();
    const start = await wal.ends();
    const requests = Array.from({ length: 500 }, (_, i) => requestFor(i % suite.partitions()));
    const appended = await Promise.all(requests.map((each) => wal.append(each)));
    const places = requests.map(({ partition }, i) => ({ partition, offset: appended[i]!.offset }));
    assert.equal(new Set(places.map((p) => `${p.partition}:${p.offset}`)).size, 500);
    const ends = await wal.ends();
    for (const { partition, offset } of places) assert.ok(ends[partition]! > offset);

    const follower = new LogFollower(await wal.read(start), start);
    await follower.untilAll(places);
    await follower.reader.close();
    for (const [i, request] of requests.entries()) {
      assertSame(follower.at(request.partition, appended[i]!.offset), request, appended[i]!);
    }
  });

  it('keeps the order of each caller among many', options, async () => {
    const wal = suite.wal();
    const caller = async (partition: number) => {
      let last = -1;
      for (let i = 0; i < 20; i += 1) {
        const { offset } = await wal.append(requestFor(partition));
        assert.ok(offset > last);
        last = offset;
      }
    };
    await Promise.all(Array.from({ length: 10 }, (_, i) => caller(i % suite.partitions())));
  });

  it('ends with the last of many appends to one key', options, async () => {
    const wal = suite.wal();
    const start = await wal.ends();
    const key = requestFor(0).key;
    await Promise.all(Array.from({ length: 30 }, () => wal.append(requestFor(0, { key }))));
    const last = requestFor(0, { key, value: 'the last' });
    const appended = await wal.append(last);
    const follower = new LogFollower(await wal.read(start), start);
    await follower.untilAll([{ partition: 0, offset: appended.offset }]);
    await follower.reader.close();
    assertSame(follower.records.filter((r) => r.key?.equals(key)).at(-1)!, last, appended);
  });
}
