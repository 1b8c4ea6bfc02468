import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LogDescription, Wal } from '../../src/wal/wal.ts';
import { describeAppends } from './wal-appends.ts';
import { describeWalLifecycle } from './wal-lifecycle.ts';
import { describeReaders } from './wal-readers.ts';
import { connected, WAL_TEST_MS, type WalSuite, type WalUnderTest } from './wal-suite.ts';

export type { WalUnderTest };

/** The contract of `Wal`, for every engine. Compacting logs pass: the suite rereads only last records of keys. */
export function describeWal(
  name: string,
  open: () => Promise<WalUnderTest>,
  options: { readonly skip?: string | false } = {},
): void {
  describe(`Wal contract: ${name}`, { skip: options.skip ?? false }, () => {
    let tried: WalUnderTest | undefined;
    let wal: Wal | undefined;
    let description: LogDescription | undefined;
    const there = <T>(value: T | undefined): T => {
      assert.ok(value !== undefined, 'the log was not opened');
      return value;
    };
    const suite: WalSuite = {
      wal: () => there(wal),
      description: () => there(description),
      partitions: () => there(tried).partitions,
      reopened: () => {
        const reopen = there(tried).reopen;
        if (reopen === undefined) return undefined;
        return (async () => {
          wal = await reopen();
          description = await connected(wal);
          return wal;
        })();
      },
    };

    // Nothing else may keep the process alive: timers of the clock do not, and memory has no handles.
    let alive: NodeJS.Timeout | undefined;
    before(
      async () => {
        alive = setInterval(() => {}, WAL_TEST_MS);
        tried = await open();
        wal = tried.wal;
        description = await connected(wal);
      },
      { timeout: 2 * WAL_TEST_MS },
    );
    after(
      async () => {
        clearInterval(alive);
        await tried?.close();
      },
      { timeout: WAL_TEST_MS },
    );

    it('says at connect who it is and what it takes', { timeout: WAL_TEST_MS }, async () => {
      const { identity, recordBytesMax, deleteRetentionMs } = suite.description();
      assert.equal(identity.partitions, suite.partitions());
      for (const id of [identity.clusterId, identity.topicId, identity.topic]) assert.ok(id);
      assert.ok(recordBytesMax === undefined || recordBytesMax > 1024);
      assert.ok(deleteRetentionMs === undefined || deleteRetentionMs >= 0);
      assert.equal(suite.wal().connected, true);
      assert.deepEqual(await suite.wal().identity(), identity);
    });

    describeAppends(suite);
    describeReaders(suite);
    describeWalLifecycle(suite);
  });
}
