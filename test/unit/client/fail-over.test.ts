import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deferred } from '../../../src/async.ts';
import { BitacoraClient } from '../../../src/client/client.ts';
import { ServiceError } from '../../../src/errors.ts';
import { eventually } from '../../helpers/eventually.ts';
import { failsWith, openClient, openProxiedDoor } from '../../helpers/rpc-client.ts';
import { openDoor, type TestDoor } from '../../helpers/rpc-door.ts';

type Test = Parameters<typeof openDoor>[0];

async function doors<T extends TestDoor>(
  t: Test,
  count: number,
  open: (t: Test) => Promise<T>,
): Promise<T[]> {
  const opened: T[] = [];
  for (let i = 0; i < count; i++) {
    const door = await open(t);
    door.store.seed('k', 'live', 'v');
    opened.push(door);
  }
  return opened;
}

function writes({ store }: TestDoor): number {
  return store.calls.filter((call) => call.startsWith('put ')).length;
}

describe('BitacoraClient among several servers', () => {
  it('spreads its connections and calls over as many as it may', async (t) => {
    const all = await doors(t, 6, openDoor);
    const client = await openClient(t, all, { maxConnections: 4 });
    const connected = () => all.filter(({ door }) => door.connections === 1);
    await eventually('four connections', () => connected().length === 4);
    await eventually('all four are asked', async () => {
      await Promise.all(Array.from({ length: 40 }, () => client.get('k')));
      return connected().every(({ store }) => store.calls.length > 20);
    });
    assert.equal(connected().length, 4);
  });

  it('loses no read when servers go, and connects to others in their place', async (t) => {
    const all = await doors(t, 4, openProxiedDoor);
    const client = await openClient(t, all, { maxConnections: 2 });
    let stop = false;
    let reads = 0;
    const reading = Promise.all(
      Array.from({ length: 20 }, async () => {
        for (; !stop; reads++) assert.equal(await client.get('k'), 'v');
      }),
    );
    for (let round = 0; round < 6; round++) {
      const used = all.find(({ proxy }) => proxy.connections > 0);
      used?.proxy.cut();
      const seen = reads;
      await eventually('reads go on', () => reads > seen + 100);
      used?.proxy.heal();
    }
    stop = true;
    await reading;
  });

  it('reads from another server while one is silent', async (t) => {
    const [silent, other] = await doors(t, 2, openProxiedDoor);
    assert.ok(silent && other);
    const client = await openClient(t, [silent, other], { deadlineMs: 2_000 });
    await eventually('both', () => silent.door.connections + other.door.connections === 2);
    silent.proxy.blackhole();
    const began = performance.now();
    await Promise.all(
      Array.from({ length: 50 }, async () => assert.equal(await client.get('k'), 'v')),
    );
    assert.ok(performance.now() - began < 2_000);
    // It is known now: new calls do not go there.
    const again = performance.now();
    for (let i = 0; i < 50; i++) await client.get('k');
    assert.ok(performance.now() - again < 1_000);
  });

  it('asks another server when one is not ready', async (t) => {
    const [recovering, other] = await doors(t, 2, openDoor);
    assert.ok(recovering && other);
    recovering.store.fault = new ServiceError('recovering', 'Not yet');
    for (const maxConnections of [2, 1]) {
      const client = await openClient(t, [recovering, other], { maxConnections });
      for (let i = 0; i < 10; i++) assert.equal(await client.get('k'), 'v');
      await client.close();
    }
    other.store.fault = recovering.store.fault;
    const client = await openClient(t, [recovering, other], { deadlineMs: 200 });
    await assert.rejects(client.get('k'), failsWith('unavailable', /^recovering: Not yet/));
  });

  it('comes back when the only server does', async (t) => {
    const [door] = await doors(t, 1, openProxiedDoor);
    assert.ok(door);
    const client = await openClient(t, [door], { deadlineMs: 4_000 });
    door.proxy.cut();
    const get = client.get('k');
    // Whether it was sent before the cut was seen is a race; sent twice it was not.
    const set = client.set('k', 'w').catch((error: unknown) => {
      assert.ok(failsWith('unknown_outcome')(error));
    });
    await eventually('it was refused', () => door.proxy.counters.refused > 0);
    door.proxy.heal();
    assert.ok(['v', 'w'].includes((await get) ?? ''));
    await set;
    assert.ok(writes(door) <= 1);
  });

  it('says so when no server can be reached', async (t) => {
    const [door] = await doors(t, 1, openProxiedDoor);
    assert.ok(door);
    const client = await openClient(t, [door], { deadlineMs: 300 });
    door.proxy.cut();
    await eventually('the connection is lost', () => door.door.connections === 0);
    await assert.rejects(client.get('k'), failsWith('unavailable', /ECONN|lost/));
    await assert.rejects(client.set('k', 'v'), failsWith('unavailable'));
    await assert.rejects(
      BitacoraClient.connect({ servers: [door.server] }, { deadlineMs: 300 }),
      failsWith('unavailable', /No server within 300 ms/),
    );
    assert.equal(writes(door), 0);
  });
});

describe('A write of BitacoraClient', () => {
  it('is never sent twice when the connection is lost', async (t) => {
    const both = await doors(t, 2, openProxiedDoor);
    const gate = deferred<void>();
    for (const { store } of both) store.gate = gate.promise;
    const client = await openClient(t, both);
    const set = assert.rejects(client.set('k', 'w'), failsWith('unknown_outcome', /was lost/));
    const all = () => both.reduce((sum, door) => sum + writes(door), 0);
    await eventually('it is under way', () => all() === 1);
    for (const { proxy } of both) proxy.reset();
    await set;
    gate.resolve();
    await client.get('k');
    assert.equal(all(), 1);
  });

  it('has an unknown outcome when no answer comes in time', async (t) => {
    const [door] = await doors(t, 1, openDoor);
    assert.ok(door);
    const client = await openClient(t, [door], { deadlineMs: 200 });
    door.store.gate = new Promise(() => {});
    await assert.rejects(client.delete('k'), failsWith('unknown_outcome', /within 200 ms/));
    door.store.immediate = false;
    await assert.rejects(client.get('k'), failsWith('timeout'));
  });

  it('is made again where the server says that it was not written, and only there', async (t) => {
    const both = await doors(t, 2, openDoor);
    const [first, second] = both;
    assert.ok(first && second);
    const client = await openClient(t, both);
    await eventually('both', () => first.door.connections + second.door.connections === 2);
    first.store.fault = new ServiceError('log_unavailable', 'x', { outcome: 'not_written' });
    for (let i = 0; i < 10; i++) await client.set('k', `w${i}`);
    assert.equal(writes(second), 10);
    first.store.fault = new ServiceError('log_unavailable', 'x', { outcome: 'unknown' });
    second.store.fault = first.store.fault;
    const before = writes(first) + writes(second);
    await assert.rejects(client.set('k', 'w'), failsWith('unknown_outcome', /^log_unavailable: x/));
    assert.equal(writes(first) + writes(second), before + 1);
  });
});
