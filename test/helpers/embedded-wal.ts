import { randomUUID } from 'node:crypto';
import type { Clock } from '../../src/clock.ts';
import { MemoryStorage } from '../../src/storage/memory-storage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { systemClock } from '../../src/system-clock.ts';
import { EmbeddedWal, type EmbeddedWalOptions } from '../../src/wal/embedded/embedded-wal.ts';
import { silentLogger } from './silent-logger.ts';

/** A log of four partitions with the limits that users have; not connected yet. */
export function walOn(
  storage: Storage,
  others: Partial<EmbeddedWalOptions> = {},
): Promise<EmbeddedWal> {
  return EmbeddedWal.open({
    storage,
    topic: 'letters',
    partitions: 4,
    keyBytesMax: 8 * 1024,
    valueBytesMax: 2 * 1024 * 1024,
    clock: systemClock,
    random: randomUUID,
    logger: silentLogger,
    durable: true,
    ...others,
  });
}

/** A small log of one partition in memory, by the clock given. */
export function memoryWal(clock: Clock): Promise<EmbeddedWal> {
  let made = 0;
  return walOn(new MemoryStorage(), {
    partitions: 1,
    keyBytesMax: 100,
    valueBytesMax: 100,
    clock,
    random: () => `id-${++made}`,
    durable: false,
  });
}
