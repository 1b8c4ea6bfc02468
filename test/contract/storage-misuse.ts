import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Storage, StorageError, type StorageOp } from '../../src/storage/storage.ts';

const A = Buffer.from('a');
const RANGE = { gte: A, lt: Buffer.from('b') };
const PUT: StorageOp = { type: 'put', key: A, value: A };

const isClosed = (error: unknown) => error instanceof StorageError && error.kind === 'closed';

async function drain(storage: Storage): Promise<void> {
  for await (const _ of storage.iterate(RANGE));
}

/** Close and misuse: whatever is called whenever, the process lives and every promise settles. */
export function describeStorageMisuse(opened: () => Storage): void {
  it('rejects every call after close, and close again resolves', async () => {
    const storage = opened();
    const iterator = storage.iterate(RANGE)[Symbol.asyncIterator]();
    await storage.write([PUT]);
    const bytes = storage.stats().bytes;
    const closing = storage.close();
    await assert.rejects(storage.write([PUT]), isClosed);
    await Promise.all([closing, storage.close()]);
    await storage.close();
    await assert.rejects(storage.write([PUT]), isClosed);
    await assert.rejects(storage.write([], { sync: true }), isClosed);
    await assert.rejects(storage.getMany([A]), isClosed);
    await assert.rejects(storage.getMany([]), isClosed);
    await assert.rejects(drain(storage), isClosed);
    await assert.rejects(storage.clear(RANGE), isClosed);
    await iterator.next().catch((error) => assert.ok(isClosed(error)));
    await iterator.return?.();
    assert.ok(storage.stats().bytes >= bytes || storage.stats().bytes >= 0);
  });

  it('finishes at close what was called before it', async () => {
    const storage = opened();
    const large: StorageOp = { type: 'put', key: A, value: Buffer.alloc(200_000, 1) };
    const writes = Array.from({ length: 100 }, () => storage.write([large]));
    const reads = Array.from({ length: 100 }, () => storage.getMany([A]));
    let done = 0;
    for (const each of [...writes, ...reads]) void each.then(() => (done += 1));
    await storage.close();
    assert.equal(done, 200);
  });

  it('settles everything when it is closed amid many calls', async () => {
    const storage = opened();
    await storage.write(
      Array.from({ length: 3_000 }, (_, i) => ({ ...PUT, key: Buffer.from(`a${i}`) })),
    );
    const calls: Promise<unknown>[] = [];
    const call = (...made: Promise<unknown>[]) => {
      for (const each of made) each.catch(() => {});
      calls.push(...made);
    };
    for (let i = 0; i < 60; i += 1) {
      call(storage.write([PUT], { sync: i % 20 === 0 }), storage.getMany([A, A]));
      call(drain(storage));
      if (i % 20 === 10) call(storage.clear(RANGE));
      if (i % 7 === 0) await new Promise(setImmediate);
      if (i === 30) call(storage.close());
    }
    const settled = await Promise.allSettled(calls);
    for (const each of settled) {
      if (each.status === 'rejected') assert.ok(isClosed(each.reason), String(each.reason));
    }
    assert.ok(settled.some((each) => each.status === 'rejected'));
    assert.ok(settled.some((each) => each.status === 'fulfilled'));
  });

  it('lets an iterator be stepped and ended in any order', async () => {
    const storage = opened();
    await storage.write([PUT]);
    const iterator = storage.iterate(RANGE)[Symbol.asyncIterator]();
    const together = [iterator.next(), iterator.next(), iterator.return?.(), iterator.next()];
    const results = await Promise.all(together);
    assert.equal(results[0]?.value?.length, 1);
    assert.deepEqual(
      results.slice(1).map((each) => each?.done),
      [true, true, true],
    );
    await iterator.return?.();
    assert.equal((await iterator.next()).done, true);
  });

  it('refuses misuse with an error and works on', async () => {
    const storage = opened();
    const badOps: unknown[][] = [
      [{ type: 'put', key: A, value: Buffer.alloc(0) }],
      [{ type: 'put', key: Buffer.alloc(0), value: A }],
      [{ type: 'del', key: Buffer.alloc(0) }],
      [{ type: 'put', key: 'text', value: A }],
      [{ type: 'put', key: A, value: undefined }],
      [{ type: 'put', key: A, value: new Uint8Array(1) }],
      [{ type: 'merge', key: A, value: A }],
      [{}],
    ];
    for (const ops of badOps) {
      await assert.rejects(storage.write(ops as StorageOp[]), StorageError, JSON.stringify(ops));
    }
    await assert.rejects(storage.getMany([A, Buffer.alloc(0)]), StorageError);
    await assert.rejects(storage.getMany([undefined as unknown as Buffer]), StorageError);
    const noRange = { gte: undefined, lt: undefined } as unknown as typeof RANGE;
    await assert.rejects(storage.clear(noRange), StorageError);
    await assert.rejects(async () => {
      for await (const _ of storage.iterate(noRange));
    }, StorageError);
    await assert.rejects(async () => {
      for await (const _ of storage.iterate({ ...RANGE, limit: -5 }));
    }, StorageError);
    await storage.write([PUT]);
    assert.deepEqual(await storage.getMany([A]), [A]);
  });
}
