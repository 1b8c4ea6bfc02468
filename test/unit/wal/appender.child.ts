import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createLogger } from '../../../src/logger.ts';
import { RocksStorage } from '../../../src/storage/rocks/rocks-storage.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { EmbeddedWal } from '../../../src/wal/embedded/embedded-wal.ts';

// Appends from several callers until it is killed, and says each record once it is acknowledged.
const CALLERS = 8;
const KEYS_PER_CALLER = 20;
const [directory = ''] = process.argv.slice(2);
const wal = await EmbeddedWal.open({
  storage: await RocksStorage.open(directory),
  topic: 'killed',
  partitions: 2,
  keyBytesMax: 1024,
  valueBytesMax: 1024,
  clock: systemClock,
  random: randomUUID,
  logger: createLogger('silent', false),
  durable: true,
});
await wal.connect();

async function call(caller: number): Promise<void> {
  for (let i = 0; ; i += 1) {
    const partition = caller % 2;
    const key = `key-${caller}-${i % KEYS_PER_CALLER}`;
    const value = randomUUID();
    const request = { partition, key: Buffer.from(key), value: Buffer.from(value), headers: [] };
    const { offset } = await wal.append(request);
    writeSync(1, `${partition} ${offset} ${key} ${value}\n`);
  }
}

await Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(caller)));
