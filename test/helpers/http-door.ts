import type { TestContext } from 'node:test';
import { HttpDoor, type HttpDoorOptions } from '../../src/http/http-door.ts';
import { createLogger } from '../../src/logger.ts';
import { systemClock } from '../../src/system-clock.ts';
import { DoubleStore } from './double-store.ts';

export interface OpenDoor {
  readonly door: HttpDoor;
  readonly store: DoubleStore;
  readonly port: number;
}

export const STATUS_DOCUMENT = { id: 'n1', state: 'running' };

/** A door on a free port over a store of its own, closed when the test ends. */
export async function openDoor(
  t: TestContext,
  {
    limits = {},
    ...options
  }: Partial<Omit<HttpDoorOptions, 'limits' | 'store'>> & {
    readonly limits?: Partial<HttpDoorOptions['limits']>;
  } = {},
): Promise<OpenDoor> {
  const store = new DoubleStore();
  const door = await HttpDoor.listen({
    host: '127.0.0.1',
    port: 0,
    store,
    health: { healthy: () => true },
    status: () => STATUS_DOCUMENT,
    limits: { keyBytesMax: 8_192, valueBytesMax: 1_048_576, checkEveryMs: 50, ...limits },
    allowOrigins: ['https://app.example'],
    clock: systemClock,
    logger: createLogger('silent', false),
    ...options,
  });
  t.after(() => door.close());
  return { door, store, port: door.port };
}
