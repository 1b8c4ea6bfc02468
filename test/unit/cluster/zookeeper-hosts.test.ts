import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseZookeeperHosts } from '../../../src/cluster/zookeeper-hosts.ts';

test('a connect string is servers and a chroot', () => {
  assert.deepEqual(parseZookeeperHosts('a'), { servers: [{ host: 'a', port: 2181 }], chroot: '' });
  assert.deepEqual(parseZookeeperHosts('a:1, b,[::1]:3/x/y/'), {
    servers: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2181 },
      { host: '::1', port: 3 },
    ],
    chroot: '/x/y',
  });
  assert.equal(parseZookeeperHosts('a:1/').chroot, '');
});

test('anything else is refused', () => {
  for (const text of ['', ',', '/x', 'a:', 'a:0', 'a:65536', 'a:1:2', 'a/x//y', 'a/..', 'a/x y']) {
    assert.throws(() => parseZookeeperHosts(text), TypeError, text);
  }
});
