import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AllowedPeers } from '../../../src/peers/allowed-peers.ts';
import { hosts } from '../../../src/settings/parse.ts';

describe('the peers that may be asked', () => {
  it('are all where none is named', () => {
    assert.ok(new AllowedPeers([]).allows('anywhere.example.org:1'));
  });

  it('are those that an address, a network, a name or a suffix names', () => {
    const list = ['10.1.0.0/16', '192.168.7.7', 'FD00::/8', 'A.example.org', '.nodes.example.org'];
    const allowed = new AllowedPeers(list.map(hosts));
    for (const address of [
      '10.1.255.1:8082',
      '192.168.7.7:1',
      '[fd12::1]:80',
      'a.Example.org:80',
      'b.c.nodes.example.org:80',
    ]) {
      assert.ok(allowed.allows(address), address);
    }
    for (const address of [
      '10.2.0.1:8082',
      '192.168.7.8:1',
      '[fe80::1]:80',
      '[::ffff:8.8.8.8]:80',
      'b.example.org:80',
      'nodes.example.org:80',
      'evil-nodes.example.org:80',
      '127.1:80',
      '0x0a010001:80',
      '167837697:80',
      'localhost:80',
    ]) {
      assert.ok(!allowed.allows(address), address);
    }
  });

  it('cannot be named in a way that no comparison can meet', () => {
    for (const text of [
      '',
      '10.0.0.0/33',
      '10.0.0.0/x',
      'fd00::/129',
      '127.1',
      '0x7f.1',
      '2130706433',
    ]) {
      assert.throws(() => hosts(text), /10\.0\.0\.0\/8/, text);
    }
    for (const text of ['a b', 'a:80', 'http://a', 'a/8', '10.0.0.0/8/8', '..a', '*']) {
      assert.throws(() => hosts(text), /10\.0\.0\.0\/8/, text);
    }
  });
});
