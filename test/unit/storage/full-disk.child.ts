import { setTimeout as pause } from 'node:timers/promises';
import { MendingStorage } from '../../../src/storage/mending-storage.ts';
import { RocksStorage } from '../../../src/storage/rocks/rocks-storage.ts';
import { requireRoom } from '../../../src/storage/room.ts';
import { StorageError } from '../../../src/storage/storage.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';

// Writes numbered batches, some at once, whatever the disk says, and tells of each; a SIGTERM closes.
// A number is never tried twice. `check` tells which are there.
const AT_ONCE = 4;
/** Every so many numbers a large one: a write that fails is now a part of a page, now many of them. */
const LARGE_EVERY = 8;
const LARGE = Buffer.alloc(256 * 1024, 'filler');
const SMALL = Buffer.alloc(1024, 'filler');
const FILLERS = 64;
const NUMBERS = { gte: Buffer.from('n-'), lt: Buffer.from('n.') };
const [directory = '', task = ''] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);
const keyOf = (n: number) => Buffer.from(`n-${n}`);
let closing = false;
process.on('SIGTERM', () => {
  closing = true;
});

const storage = await MendingStorage.open({
  open: () => RocksStorage.open(directory, { damagedLog: 'refuse' }),
  room: () => requireRoom(directory),
  onFault: (fault) => say(fault === undefined ? 'works' : `fault ${fault.kind}`),
  onCorrupt: (error) => say(`corrupt ${error.message}`),
  clock: { ...systemClock, after: (ms, done) => systemClock.after(ms / 10, done) },
  logger: silentLogger,
});

async function write(n: number): Promise<void> {
  try {
    await storage.write(
      [
        { type: 'put', key: keyOf(n), value: Buffer.from(`value ${n}`) },
        {
          type: 'put',
          key: Buffer.from(`filler-${n % FILLERS}`),
          value: n % LARGE_EVERY === 0 ? LARGE : SMALL,
        },
      ],
      { sync: true },
    );
    say(`ok ${n}`);
  } catch (error) {
    const kind = error instanceof StorageError ? error.kind : String(error);
    const read = await storage.getMany([keyOf(1)]).then(String, String);
    say(`failed ${n} ${kind}, read ${read}`);
    await pause(20);
  }
}

if (task === 'check') {
  for await (const pairs of storage.iterate(NUMBERS)) {
    for (const [key, value] of pairs) {
      const n = Number(key.subarray(2).toString());
      say(String(value) === `value ${n}` ? `there ${n}` : `wrong ${n}`);
    }
  }
  say('checked');
} else {
  for (let n = 1; !closing; n += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => write(n + i)));
  }
}
await storage.close();
