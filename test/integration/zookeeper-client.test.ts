import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { BitacoraClient } from '../../src/client/client.ts';
import { ZookeeperSession } from '../../src/cluster/zookeeper-session.ts';
import { systemClock } from '../../src/system-clock.ts';
import { eventually } from '../helpers/eventually.ts';
import { FaultProxy } from '../helpers/fault-proxy.ts';
import { failsWith, openProxiedDoor, type ProxiedDoor } from '../helpers/rpc-client.ts';
import type { TestDoor } from '../helpers/rpc-door.ts';
import { silentLogger } from '../helpers/silent-logger.ts';
import { sharedZookeeper, uniqueName } from '../services/shared.ts';

const SOCKETS = '/bitacora/sockets';

interface Place {
  readonly hosts: string;
  readonly session: ZookeeperSession;
}

/** A chroot of our own in a real ZooKeeper, and a session that announces servers there. */
async function openPlace(t: TestContext): Promise<Place> {
  const shared = await sharedZookeeper();
  t.after(() => shared.release());
  const hosts = `${shared.hosts}/${uniqueName('client')}`;
  const options = { hosts, sessionMs: 6_000, clock: systemClock, logger: silentLogger };
  const session = ZookeeperSession.open(options);
  t.after(() => session.close());
  await eventually('ZooKeeper', () => session.connected, { withinMs: 30_000 });
  return { hosts, session };
}

async function announce({ session }: Place, { server }: TestDoor): Promise<void> {
  await session.createParents(SOCKETS);
  await session.create(`${SOCKETS}/${server}`, Buffer.from('{}'), { ephemeral: true });
}

async function openNamedDoor(t: TestContext, name: string): Promise<ProxiedDoor> {
  const door = await openProxiedDoor(t);
  door.store.seed('who', 'live', name);
  return door;
}

describe('BitacoraClient with ZooKeeper', () => {
  it('follows the list, and keeps it while ZooKeeper is away', async (t) => {
    const place = await openPlace(t);
    const [a, b] = [await openNamedDoor(t, 'a'), await openNamedDoor(t, 'b')];

    // Nobody is there yet, not even the path: the client waits for the first.
    await assert.rejects(
      BitacoraClient.connect({ zookeeper: place.hosts }, { deadlineMs: 500 }),
      failsWith('unavailable'),
    );
    const [first = '', chroot] = place.hosts.split('/');
    const [host = '', port] = first.split(',', 1).join().split(':');
    const proxy = await FaultProxy.open({ target: { host, port: Number(port) } });
    t.after(() => proxy.close());
    const opening = BitacoraClient.connect({ zookeeper: `127.0.0.1:${proxy.port}/${chroot}` });
    await announce(place, a);
    const client = await opening;
    t.after(() => client.close());
    assert.equal(await client.get('who'), 'a');

    await announce(place, b);
    await eventually('the second is connected', () => b.door.connections > 0);
    await place.session.remove(`${SOCKETS}/${a.server}`);
    await eventually('the first is let go', () => a.door.connections === 0);
    assert.equal(await client.get('who'), 'b');
    await client.set('k', 'v');
    assert.equal(b.store.entries.get('k')?.value.toString(), 'v');

    // Nobody is announced: that is rather a fault of the list than of all servers.
    await place.session.remove(`${SOCKETS}/${b.server}`);
    for (let i = 0; i < 5; i++) {
      const before = b.proxy.counters.accepted;
      b.proxy.reset();
      await eventually('it is connected again', () => b.proxy.counters.accepted > before);
      assert.equal(await client.get('who'), 'b');
    }
    await announce(place, b);

    proxy.cut();
    await eventually('ZooKeeper is away', () => proxy.connections === 0);
    assert.equal(await client.get('who'), 'b');
    await announce(place, a);
    proxy.heal();
    await eventually('the list is read again', () => a.door.connections > 0);
  });
});
