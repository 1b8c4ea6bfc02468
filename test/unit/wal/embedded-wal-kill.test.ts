import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { LogRecord } from '../../../src/record.ts';
import { RocksStorage } from '../../../src/storage/rocks/rocks-storage.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { EmbeddedWal } from '../../../src/wal/embedded/embedded-wal.ts';
import { TestChild } from '../../helpers/child-process.ts';
import { LogFollower } from '../../helpers/log-follower.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

const KILLS = 6;
const APPENDER = new URL('./appender.child.ts', import.meta.url);

interface Acknowledged {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string;
}

/** All that the log holds after a reopen, and its ends. */
async function contentOf(directory: string) {
  const storage = await RocksStorage.open(directory);
  const wal = await EmbeddedWal.open({
    storage,
    topic: 'killed',
    partitions: 2,
    keyBytesMax: 1024,
    valueBytesMax: 1024,
    clock: systemClock,
    random: randomUUID,
    logger: silentLogger,
    durable: true,
  });
  await wal.connect();
  const ends = await wal.ends();
  const follower = new LogFollower(await wal.read([0, 0]), [0, 0]);
  await follower.until('the end', () => ends.every((end, p) => follower.positions[p] === end));
  await wal.close(0);
  await storage.close();
  return { ends, records: follower.records };
}

it('keeps every acknowledged append over kill -9, and gives no place twice', async (t) => {
  const directory = await temporaryDirectory('killed-log');
  const newest = new Map<string, Acknowledged>();
  const places = new Map<string, string>();
  const note = (partition: number, offset: number, content: string) => {
    const place = `${partition}:${offset}`;
    assert.equal(places.get(place) ?? content, content, `another record stands at ${place}`);
    places.set(place, content);
  };
  try {
    for (let round = 0; round < KILLS; round += 1) {
      const child = new TestChild(APPENDER, [directory.path]);
      await child.until('the first acknowledgement', (lines) => lines.length > 0);
      await pause(Math.random() * 150);
      await child.kill();
      t.diagnostic(`killed after ${child.lines.length} acknowledgements`);
      for (const line of child.lines) {
        const [partition = '', offset = '', key = '', value = ''] = line.split(' ');
        const each = { partition: Number(partition), offset: Number(offset), key, value };
        note(each.partition, each.offset, `${key} ${value}`);
        newest.set(key, each);
      }

      const { ends, records } = await contentOf(directory.path);
      const held = new Map<string, LogRecord>();
      for (const record of records) {
        assert.ok(!held.has(String(record.key)), `${record.key} has two records`);
        held.set(String(record.key), record);
        note(record.partition, record.offset, `${record.key} ${record.value}`);
      }
      for (const each of newest.values()) {
        assert.ok((ends[each.partition] ?? 0) > each.offset);
        const record = held.get(each.key);
        assert.ok(record !== undefined && record.offset >= each.offset, `${each.key} is lost`);
      }
    }
  } finally {
    await directory.remove();
  }
});
