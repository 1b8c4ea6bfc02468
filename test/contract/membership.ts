import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Membership, NodeInfo } from '../../src/cluster/membership.ts';
import { eventually } from '../helpers/eventually.ts';
import { nodeInfo } from '../helpers/node-info.ts';

export interface MembershipSubject {
  /** Not started. */
  readonly membership: Membership;
  /** `host:port` of nodes that the membership finds by itself. */
  readonly others: readonly string[];
  /** After the membership was closed. */
  close(): Promise<void>;
}

/** What every membership does (src/cluster/membership.ts). */
export function membershipContract(name: string, open: () => Promise<MembershipSubject>): void {
  describe(`membership: ${name}`, () => {
    const self = nodeInfo({ http: '127.0.0.1:18082', rpc: '127.0.0.1:18083' });
    let subject: MembershipSubject;
    let membership: Membership;

    beforeEach(async () => {
      subject = await open();
      membership = subject.membership;
    });
    afterEach(async () => {
      await membership.close();
      await subject.close();
    });

    const ourselves = (): NodeInfo | undefined =>
      membership.members().find((member) => member.self)?.info;

    test('knows itself as soon as it is started', () => {
      membership.start(self);
      assert.deepEqual(ourselves(), self);
      assert.equal(membership.members().filter((member) => member.self).length, 1);
    });

    test('finds the others, and tells of the change', async () => {
      let changes = 0;
      membership.events = { change: () => changes++ };
      membership.start(self);
      await eventually('all are there', () =>
        subject.others.every((http) =>
          membership.members().some((member) => member.http === http && !member.self),
        ),
      );
      assert.equal(membership.members().length, subject.others.length + 1);
      assert.ok(changes > 0);
      await eventually('connected', () => membership.connected);
    });

    test('says something new of itself', () => {
      membership.start(self);
      let changes = 0;
      membership.events = { change: () => changes++ };
      const log = { ...self.log, clusterId: 'c', topicId: 't', partitions: 12 };
      membership.update({ ...self, log });
      assert.deepEqual(ourselves()?.log, log);
      assert.ok(changes > 0);
    });

    test('takes readiness at any time', () => {
      membership.setReady(true);
      membership.start(self);
      membership.setReady(false);
      membership.setReady(true);
    });

    test('closes twice, and without a start', async () => {
      membership.start(self);
      await membership.close();
      await membership.close();
      const { membership: unused, close } = await open();
      await unused.close();
      await close();
    });

    test('keeps the list after its end', async () => {
      membership.start(self);
      await eventually('all are there', () => membership.members().length > subject.others.length);
      const last = membership.members();
      await membership.close();
      assert.deepEqual(membership.members(), last);
    });
  });
}
