import type { TestContext } from 'node:test';
import { createLogger } from '../../src/logger.ts';
import { AvroDoor, type AvroDoorOptions } from '../../src/rpc/avro-door.ts';
import { systemClock } from '../../src/system-clock.ts';
import { MapStore } from './map-store.ts';

export interface TestDoor {
  readonly door: AvroDoor;
  readonly store: MapStore;
  /** `host:port`. */
  readonly server: string;
}

/** A door on any free port with a store of its own, closed after the test. */
export async function openDoor(
  t: Pick<TestContext, 'after'>,
  options: Partial<AvroDoorOptions> = {},
): Promise<TestDoor> {
  const store = new MapStore();
  const door = await AvroDoor.listen({
    host: '127.0.0.1',
    port: 0,
    store,
    limits: { keyBytesMax: 8_192, valueBytesMax: 1_048_576 },
    clock: systemClock,
    logger: createLogger('silent', false),
    ...options,
  });
  t.after(() => door.close());
  return { door, store, server: `127.0.0.1:${door.port}` };
}
