import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { originOf } from '../../../src/peers/peer-address.ts';

describe('the address of a peer', () => {
  for (const address of ['host:8082', '10.0.0.1:1', 'a-b_c.example.org:65535', '[::1]:80']) {
    it(`may be ${address}`, () => assert.equal(originOf(address), `http://${address}`));
  }

  const refused = [
    '',
    'host',
    'host:',
    ':8082',
    'host:0',
    'host:65536',
    'host:080',
    'host:80/path',
    'host:80?a=b',
    'host:80#x',
    'user@host:80',
    'user:secret@host:80',
    'http://host:80',
    'host:80\r\nX: y',
    'host\n:80',
    'ho st:80',
    '//host:80',
    '../host:80',
    'höst:80',
    '::1:80',
    '[::1:80',
    '[zz]:80',
    '999.999.999.999:80',
    `${'h'.repeat(300)}:80`,
  ];
  for (const address of refused) {
    it(`may not be ${JSON.stringify(address.slice(0, 30))}`, () => {
      assert.equal(originOf(address), undefined);
    });
  }
});
