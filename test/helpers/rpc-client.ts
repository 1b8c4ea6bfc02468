import type { TestContext } from 'node:test';
import {
  BitacoraClient,
  type BitacoraClientOptions,
  BitacoraError,
} from '../../src/client/client.ts';
import { FaultProxy } from './fault-proxy.ts';
import { openDoor, type TestDoor } from './rpc-door.ts';

export interface ProxiedDoor extends TestDoor {
  readonly proxy: FaultProxy;
}

/** A door behind a proxy; `server` is the proxy's address. */
export async function openProxiedDoor(t: Pick<TestContext, 'after'>): Promise<ProxiedDoor> {
  const door = await openDoor(t);
  const proxy = await FaultProxy.open({ target: { host: '127.0.0.1', port: door.door.port } });
  t.after(() => proxy.close());
  return { ...door, proxy, server: `127.0.0.1:${proxy.port}` };
}

/** A client of these doors, closed after the test. */
export async function openClient(
  t: Pick<TestContext, 'after'>,
  doors: readonly { readonly server: string }[],
  options: BitacoraClientOptions = {},
): Promise<BitacoraClient> {
  const client = await BitacoraClient.connect(
    { servers: doors.map(({ server }) => server) },
    options,
  );
  t.after(() => client.close());
  return client;
}

/** For assert.rejects. */
export function failsWith(code: BitacoraError['code'], text = /./): (error: unknown) => boolean {
  return (error) =>
    error instanceof BitacoraError && error.code === code && text.test(error.message);
}
