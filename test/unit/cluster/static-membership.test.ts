import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StaticMembership } from '../../../src/cluster/static-membership.ts';
import { membershipContract } from '../../contract/membership.ts';
import { nodeInfo } from '../../helpers/node-info.ts';

const others = ['127.0.0.1:28082', 'other.example:8082'];
const close = async () => {};

membershipContract('static', async () => ({
  membership: new StaticMembership(others),
  others,
  close,
}));
membershipContract('none', async () => ({
  membership: new StaticMembership([]),
  others: [],
  close,
}));

test('static peers say nothing of themselves, and our own address among them is us', () => {
  const self = nodeInfo({ http: '127.0.0.1:8082', rpc: '127.0.0.1:8083' });
  const membership = new StaticMembership(['b:1', self.http, 'b:1', 'c:1']);
  assert.equal(membership.kind, 'static');
  membership.start(self);
  assert.deepEqual(membership.members(), [
    { http: self.http, info: self, self: true },
    { http: 'b:1', info: undefined, self: false },
    { http: 'c:1', info: undefined, self: false },
  ]);
});

test('without peers there is no cluster', () => {
  assert.equal(new StaticMembership([]).kind, 'none');
});
