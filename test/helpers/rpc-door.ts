import type { TestContext } from 'node:test';
import { AvroDoor, type AvroDoorOptions } from '../../src/rpc/avro-door.ts';
import { systemClock } from '../../src/system-clock.ts';
import { DoubleStore } from './double-store.ts';
import { silentLogger } from './silent-logger.ts';

export interface TestDoor {
  readonly door: AvroDoor;
  readonly store: DoubleStore;
  /** `host:port`. */
  readonly server: string;
}

/** A door on any free port with a store of its own, closed after the test. */
export async function openDoor(
  t: Pick<TestContext, 'after'>,
  options: Partial<AvroDoorOptions> = {},
): Promise<TestDoor> {
  const store = new DoubleStore();
  const door = await AvroDoor.listen({
    host: '127.0.0.1',
    port: 0,
    store,
    limits: { keyBytesMax: 8_192, valueBytesMax: 1_048_576 },
    clock: systemClock,
    logger: silentLogger,
    ...options,
  });
  t.after(() => door.close());
  return { door, store, server: `127.0.0.1:${door.port}` };
}
