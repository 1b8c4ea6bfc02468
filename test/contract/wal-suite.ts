import { LogUnavailableError } from '../../src/errors.ts';
import type { LogDescription, Wal } from '../../src/wal/wal.ts';
import { eventually } from '../helpers/eventually.ts';

/** A log to try. It may hold other records; nobody else appends to it while the suite runs. */
export interface WalUnderTest {
  /** Not connected yet: the suite calls `connect`. */
  readonly wal: Wal;
  /** Closes the last `Wal` if it is still open, and gives another one on the same log, not connected. */
  readonly reopen?: () => Promise<Wal>;
  readonly partitions: number;
  /** Releases everything, whatever is closed already. */
  readonly close: () => Promise<void>;
}

/** What the parts of the suite share: one log for all tests, as making one is slow on real services. */
export interface WalSuite {
  readonly wal: () => Wal;
  readonly description: () => LogDescription;
  readonly partitions: () => number;
  /** Undefined where the engine cannot be opened again. */
  readonly reopened: () => Promise<Wal> | undefined;
}

export const WAL_TEST_MS = 30_000;

/** Connects, as often as the log says that a later attempt may succeed. */
export async function connected(wal: Wal): Promise<LogDescription> {
  return eventually(
    'the log answers',
    async () => {
      try {
        return await wal.connect();
      } catch (error) {
        if (error instanceof LogUnavailableError) return undefined;
        throw error;
      }
    },
    { withinMs: 25_000 },
  );
}
