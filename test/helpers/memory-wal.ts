import type { Clock } from '../../src/clock.ts';
import { MemoryStorage } from '../../src/storage/memory-storage.ts';
import { EmbeddedWal } from '../../src/wal/embedded/embedded-wal.ts';
import { silentLogger } from './silent-logger.ts';

/** A log of one partition in memory, by the clock given; not connected yet. */
export function memoryWal(clock: Clock): Promise<EmbeddedWal> {
  let made = 0;
  return EmbeddedWal.open({
    storage: new MemoryStorage(),
    topic: 't',
    partitions: 1,
    keyBytesMax: 100,
    valueBytesMax: 100,
    clock,
    random: () => `id-${++made}`,
    logger: silentLogger,
    durable: false,
  });
}
