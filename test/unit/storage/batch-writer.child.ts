import { writeSync } from 'node:fs';
import { RocksStorage } from '../../../src/storage/rocks/rocks-storage.ts';
import { batchOf, COUNTER, countIn } from './counted-batches.ts';

// Writes batch after batch until it is killed, and says each number once it is acknowledged.
const [directory = '', sync = ''] = process.argv.slice(2);
const storage = await RocksStorage.open(directory);
const [stored] = await storage.getMany([COUNTER]);
for (let n = countIn(stored) + 1; ; n += 1) {
  await storage.write(batchOf(n), { sync: sync === 'sync' });
  writeSync(1, `${n}\n`);
}
