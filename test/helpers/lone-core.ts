import type { Clock } from '../../src/clock.ts';
import { Core } from '../../src/core.ts';
import { RunningState } from '../../src/running-state.ts';
import { MemoryStorage } from '../../src/storage/memory-storage.ts';
import type { AskPeers } from '../../src/store/store.ts';
import { keyedHash } from '../../src/table/key-hash.ts';
import { SegmentEntryCache } from '../../src/table/segment-entry-cache.ts';
import type { Wal } from '../../src/wal/wal.ts';
import { Warnings } from '../../src/warnings.ts';
import { silentLogger } from './silent-logger.ts';

const alone: AskPeers = {
  read: async ({ local }) => ({
    trust: 'behind',
    entry: local.entry,
    source: 1,
    freshPeer: false,
  }),
};

export interface LoneCoreOptions {
  readonly wal: Wal;
  readonly clock: Clock;
  readonly writeTimeoutMs: number;
}

/** The core of a node without peers, all in memory, on a log of the test's. */
export function openLoneCore({ wal, clock, writeTimeoutMs }: LoneCoreOptions): Promise<Core> {
  return Core.open({
    settings: {
      codec: 'raw',
      keyBytesMax: 100,
      valueBytesMax: 100,
      staleAfterMs: 100,
      writeTimeoutMs,
    },
    storage: new MemoryStorage(),
    wal,
    cache: new SegmentEntryCache({ bytesMax: 2 ** 20, hash: keyedHash(1, 0) }),
    peers: alone,
    state: new RunningState(silentLogger),
    warnings: new Warnings(),
    saveLost: async () => undefined,
    onLog: () => {},
    clock,
    random: () => 0.5,
    logger: silentLogger,
  });
}
