import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Membership, NodeInfo } from '../../src/cluster/membership.ts';
import { formatNodeInfo, parseNodeInfo } from '../../src/cluster/node-info.ts';
import {
  SERVERS_PATH,
  SOCKETS_PATH,
  ZookeeperMembership,
} from '../../src/cluster/zookeeper-membership.ts';
import { ZookeeperSession } from '../../src/cluster/zookeeper-session.ts';
import { createLogger } from '../../src/logger.ts';
import { systemClock } from '../../src/system-clock.ts';
import { membershipContract } from '../contract/membership.ts';
import { eventually } from '../helpers/eventually.ts';
import { nodeInfo } from '../helpers/node-info.ts';
import { type SharedZookeeper, sharedZookeeper, uniqueName } from '../services/shared.ts';

const SESSION_MS = 2_000;
const common = { sessionMs: SESSION_MS, clock: systemClock, logger: createLogger('silent', false) };

let zookeeper: SharedZookeeper;
before(async () => {
  zookeeper = await sharedZookeeper();
});
after(() => zookeeper.release());

function newRoot(): string {
  return `${zookeeper.hosts}/${uniqueName('membership')}`;
}

let nextPort = 18_000;
function someone(instance?: string): NodeInfo {
  const http = `127.0.0.1:${nextPort++}`;
  const rpc = `127.0.0.1:${nextPort++}`;
  return nodeInfo({ http, rpc, ...(instance === undefined ? {} : { instance }) });
}

/** A membership that is closed after the test, with the warnings that it gives. */
function join(
  hosts: string,
  self: NodeInfo,
): ZookeeperMembership & { warnings: Map<string, string> } {
  const warnings = new Map<string, string>();
  const membership = new ZookeeperMembership({ ...common, hosts, checkMs: 500 });
  membership.events = {
    warning: (name, line) => {
      if (line === undefined) warnings.delete(name);
      else warnings.set(name, line);
    },
  };
  membership.start(self);
  return Object.assign(membership, { warnings });
}

async function observe(hosts: string): Promise<ZookeeperSession> {
  const session = ZookeeperSession.open({ ...common, hosts });
  await eventually('the observer is connected', () => session.connected);
  return session;
}

function sees(membership: Membership, other: NodeInfo): boolean {
  const seen = membership.members().find(({ http }) => http === other.http);
  return isDeepStrictEqual(seen?.info, other);
}

membershipContract('zookeeper', async () => {
  const hosts = newRoot();
  const other = someone();
  const neighbour = join(hosts, other);
  return {
    membership: new ZookeeperMembership({ ...common, hosts }),
    others: [other.http],
    close: () => neighbour.close(),
  };
});

describe('membership in ZooKeeper', () => {
  test('two nodes see each other, what they say anew, and a clean leave at once', async () => {
    const hosts = newRoot();
    const [a, b] = [someone(), someone()];
    const [first, second] = [join(hosts, a), join(hosts, b)];
    await eventually('both see both', () => sees(first, b) && sees(second, a));

    const later = { ...b, log: { ...b.log, clusterId: 'c', topicId: 't', partitions: 12 } };
    second.update(later);
    await eventually('the news has come', () => sees(first, later), { withinMs: 2_000 });

    await second.close();
    await eventually('it has left', () => first.members().length === 1, { withinMs: 1_000 });
    await first.close();
  });

  test('nodes lie where the contract says, the socket only while ready', async () => {
    const hosts = newRoot();
    const self = someone();
    const observer = await observe(hosts);
    const membership = join(hosts, self);
    const read = async (path: string) => parseNodeInfo((await observer.getData(path)).data);
    await eventually(
      'the server',
      async () => (await read(`${SERVERS_PATH}/${self.http}`)) !== undefined,
    );
    assert.deepEqual(await read(`${SERVERS_PATH}/${self.http}`), self);
    const socket = `${SOCKETS_PATH}/${self.rpc}`;
    assert.equal(await observer.exists(socket), false);
    membership.setReady(true);
    await eventually('the socket', () => observer.exists(socket));
    assert.deepEqual(await read(socket), self);
    assert.ok((await observer.getData(socket)).owner);
    membership.setReady(false);
    await eventually('no socket', async () => !(await observer.exists(socket)));
    membership.setReady(true);
    await eventually('the socket again', () => observer.exists(socket));

    await membership.close();
    assert.equal(await observer.exists(socket), false);
    assert.equal(await observer.exists(`${SERVERS_PATH}/${self.http}`), false);
    await observer.close();
  });

  test('a leftover of our own instance is replaced', async () => {
    const hosts = newRoot();
    const self = someone('the same');
    const dead = await observe(hosts);
    for (const [folder, name] of [
      [SERVERS_PATH, self.http],
      [SOCKETS_PATH, self.rpc],
    ] as const) {
      await dead.createParents(folder);
      const old = formatNodeInfo({ ...self, startedAt: 1 });
      await dead.create(`${folder}/${name}`, old, { ephemeral: true });
    }
    const membership = join(hosts, self);
    const path = `${SERVERS_PATH}/${self.http}`;
    await eventually(
      'ours is there',
      async () => (await dead.getData(path)).owner !== dead.sessionId,
    );
    await eventually(
      'nobody is ready',
      async () => !(await dead.exists(`${SOCKETS_PATH}/${self.rpc}`)),
    );
    assert.deepEqual(parseNodeInfo((await dead.getData(path)).data), self);
    assert.equal(membership.warnings.size, 0);
    await dead.close();
    await eventually('ours stays', () => sees(membership, self));
    await membership.close();
  });

  test('another instance under our address stays, with a warning, until it goes', async () => {
    const hosts = newRoot();
    const ours = someone('ours');
    const theirs = join(hosts, { ...ours, id: 'they', instance: 'theirs' });
    theirs.setReady(true);
    const observer = await observe(hosts);
    const path = `${SERVERS_PATH}/${ours.http}`;
    await eventually('they are there', () => observer.exists(`${SOCKETS_PATH}/${ours.rpc}`));
    const { owner } = await observer.getData(path);

    const membership = join(hosts, ours);
    membership.setReady(true);
    await eventually('both warnings', () => membership.warnings.size === 2);
    assert.deepEqual([...membership.warnings.keys()].sort(), [
      'address_taken',
      'rpc_address_taken',
    ]);
    assert.match(membership.warnings.get('address_taken') ?? '', /node they \(instance theirs\)/);
    assert.equal((await observer.getData(path)).owner, owner);
    assert.equal(membership.members().length, 1);

    await theirs.close();
    await eventually('we are there', async () => {
      const there = parseNodeInfo((await observer.getData(path)).data);
      return there?.instance === 'ours' && membership.warnings.size === 0;
    });
    await membership.close();
    await observer.close();
  });

  test("a node of the original's kind under our address counts as another instance", async () => {
    const hosts = newRoot();
    const self = someone();
    const java = await observe(hosts);
    await java.createParents(SERVERS_PATH);
    const path = `${SERVERS_PATH}/${self.http}`;
    await java.create(path, Buffer.from(self.http), { ephemeral: true });
    const membership = join(hosts, self);
    await eventually('a warning', () => membership.warnings.has('address_taken'));
    assert.equal((await java.getData(path)).owner, java.sessionId);
    await java.close();
    await eventually('the warning ends', () => membership.warnings.size === 0);
    await membership.close();
  });

  test('our node removed by hand comes again', async () => {
    const hosts = newRoot();
    const self = someone();
    const observer = await observe(hosts);
    const membership = join(hosts, self);
    membership.setReady(true);
    const paths = [`${SERVERS_PATH}/${self.http}`, `${SOCKETS_PATH}/${self.rpc}`];
    const allThere = async () =>
      (await Promise.all(paths.map((path) => observer.exists(path)))).every(Boolean);
    await eventually('both are there', allThere);
    for (const path of [...paths, SERVERS_PATH, SOCKETS_PATH]) await observer.remove(path);
    await eventually('both are there again', allThere, { withinMs: 3_000 });
    await membership.close();
    await observer.close();
  });

  test('what others have put there is bounded, ignored or shown without data', async () => {
    const hosts = newRoot();
    const [self, good, liar, java] = [someone(), someone(), someone(), someone()];
    const hostile = await observe(hosts);
    await hostile.createParents(SERVERS_PATH);
    const put = (name: string, data: Buffer | string) =>
      hostile.create(`${SERVERS_PATH}/${name}`, Buffer.from(data), { ephemeral: true });
    await put('no address', formatNodeInfo(good));
    await put('evil.example:99999', formatNodeInfo(good));
    await put('user@host:80', '');
    await put(java.http, java.http);
    await put(liar.http, formatNodeInfo(good));
    await put('127.0.0.1:1', '{"id":');
    await put('127.0.0.1:2', '{"__proto__":{"http":"x"},"log":{}}');
    await put('127.0.0.1:3', Buffer.alloc(900_000, 0x20));
    await put('127.0.0.1:4', '');
    await put(good.http, formatNodeInfo(good));

    const membership = join(hosts, self);
    await eventually('the good one', () => sees(membership, good));
    const bare = membership.members().filter(({ info }) => info === undefined);
    assert.deepEqual(
      bare.map(({ http }) => http).sort(),
      ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3', '127.0.0.1:4', java.http, liar.http].sort(),
    );
    assert.equal(membership.members().length, bare.length + 2);

    const crowd = Array.from({ length: 1_200 }, (_, index) => `10.0.0.1:${index + 1}`);
    for (let at = 0; at < crowd.length; at += 100) {
      await Promise.all(crowd.slice(at, at + 100).map((name) => put(name, '')));
    }
    await eventually('as many as are read', () => membership.members().length > 1_000);
    assert.ok(membership.members().length <= 1_001);
    await hostile.close();
    await eventually('alone again', () => membership.members().length === 1);
    await membership.close();
  });
});
