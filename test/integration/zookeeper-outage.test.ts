import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { formatNodeInfo } from '../../src/cluster/node-info.ts';
import { SERVERS_PATH, ZookeeperMembership } from '../../src/cluster/zookeeper-membership.ts';
import { ZookeeperSession } from '../../src/cluster/zookeeper-session.ts';
import { createLogger } from '../../src/logger.ts';
import { systemClock } from '../../src/system-clock.ts';
import { eventually } from '../helpers/eventually.ts';
import { FaultProxy } from '../helpers/fault-proxy.ts';
import { nodeInfo } from '../helpers/node-info.ts';
import { breakableServices, uniqueName } from '../services/shared.ts';
import { startZookeeper, type ZookeeperServer } from '../services/zookeeper.ts';

const SESSION_MS = 2_000;
const BACK_MS_MAX = 10_000;
const common = { sessionMs: SESSION_MS, clock: systemClock, logger: createLogger('silent', false) };
const self = nodeInfo({ http: '127.0.0.1:18082', rpc: '127.0.0.1:18083' });
const other = nodeInfo({ http: '127.0.0.1:28082', rpc: '127.0.0.1:28083' });
const path = `${SERVERS_PATH}/${self.http}`;

describe('ZooKeeper in trouble', { skip: breakableServices() ?? false }, () => {
  let server: ZookeeperServer;
  let proxy: FaultProxy;
  let chroot: string;
  let membership: ZookeeperMembership;
  let neighbour: ZookeeperMembership;
  let observer: ZookeeperSession;

  before(async () => {
    server = await startZookeeper({ tickTime: 250 });
  });
  after(() => server.stop());

  beforeEach(async () => {
    proxy = await FaultProxy.open({ target: { host: '127.0.0.1', port: server.port } });
    chroot = `/${uniqueName('outage')}`;
    const direct = `${server.hosts}${chroot}`;
    const proxied = `127.0.0.1:${proxy.port}${chroot}`;
    observer = ZookeeperSession.open({ ...common, hosts: direct });
    membership = new ZookeeperMembership({ ...common, hosts: proxied, checkMs: 500 });
    neighbour = new ZookeeperMembership({ ...common, hosts: direct, checkMs: 500 });
    membership.start(self);
    neighbour.start(other);
    await eventually('all see each other', () => seesOther() && otherSees() && observer.connected);
  });
  afterEach(async () => {
    await Promise.all([membership.close(), neighbour.close(), observer.close()]);
    await proxy.close();
  });

  const seesOther = () =>
    membership.members().some(({ http, info }) => http === other.http && info);
  const otherSees = () => neighbour.members().some(({ http, info }) => http === self.http && info);
  const owner = async () => (await observer.getData(path)).owner;
  const back = () =>
    eventually(
      'all is well again',
      async () =>
        membership.connected && seesOther() && otherSees() && (await owner()) !== undefined,
      { withinMs: BACK_MS_MAX },
    );

  test('a server that was killed and comes back: the list stays, the session too', async () => {
    const before = await owner();
    await server.kill();
    await eventually('noticed', () => !membership.connected && !neighbour.connected);
    assert.ok(seesOther());
    await server.start();
    await back();
    assert.equal(await owner(), before);
  });

  test('a server that was wiped: registered again', async () => {
    await server.kill();
    await server.start({ wipe: true });
    await back();
  });

  test('a frozen server is noticed within the session, and the node is there again after it', async () => {
    server.pause();
    const began = performance.now();
    await eventually('suspect', () => !membership.connected);
    assert.ok(performance.now() - began <= SESSION_MS + 200);
    await new Promise((resolve) =>
      setTimeout(resolve, SESSION_MS * 2 - (performance.now() - began)),
    );
    assert.ok(seesOther(), 'the last list stays');
    server.resume();
    await back();
  });

  test('a black hole is noticed; after the session has expired a new one registers', async () => {
    const before = await owner();
    proxy.blackhole();
    await eventually('suspect', () => !membership.connected, { withinMs: SESSION_MS + 200 });
    assert.ok(await observer.exists(path), 'noticed before the others give us up');
    await eventually('expired', async () => !(await observer.exists(path)));
    await eventually('the neighbour has heard of it', () => !otherSees());
    assert.ok(seesOther());
    proxy.heal();
    await back();
    assert.notEqual(await owner(), before);
  });

  test('a connection that breaks is made again with the same session', async () => {
    const before = await owner();
    proxy.reset();
    await eventually('made again', () => proxy.counters.accepted >= 2);
    await back();
    assert.equal(await owner(), before);
  });

  test('nobody there for longer than the session', async () => {
    proxy.cut();
    await eventually('noticed', () => !membership.connected);
    await eventually('expired', async () => !(await observer.exists(path)));
    neighbour.update({ ...other, id: 'changed meanwhile' });
    proxy.heal();
    await back();
    await eventually('the news', () =>
      membership.members().some(({ info }) => info?.id === 'changed meanwhile'),
    );
  });

  test('a restart while another instance took the address: theirs stays', async () => {
    proxy.blackhole();
    await eventually('expired', async () => !(await observer.exists(path)));
    const theirs = formatNodeInfo({ ...self, instance: 'theirs' });
    await observer.create(path, theirs, { ephemeral: true });
    const warnings: (string | undefined)[] = [];
    membership.events = { warning: (_, line) => warnings.push(line) };
    proxy.heal();
    await eventually('warned', () => warnings.length === 1, { withinMs: BACK_MS_MAX });
    assert.equal(await owner(), observer.sessionId);
  });

  test('servers that accept and never answer are passed over', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const hosts = `127.0.0.1:${port},${server.hosts}`;
    // The first server is chosen by chance.
    const sessions = Array.from({ length: 8 }, () => ZookeeperSession.open({ ...common, hosts }));
    await eventually('all are connected', () => sessions.every(({ connected }) => connected));
    await Promise.all(sessions.map((session) => session.close()));
    silent.close();
  });

  test('closing while the server is frozen or away takes no longer than promised', async () => {
    server.pause();
    const began = performance.now();
    await membership.close();
    assert.ok(performance.now() - began < 2_000);
    server.resume();
    await eventually('gone with its session', async () => !(await observer.exists(path)));
  });
});
