import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { OneNode } from '../../simulation/one-node.ts';
import { read } from '../../simulation/operations.ts';
import { type AppendedEver, CLEANED_AGE_MS } from '../../simulation/sim-log.ts';
import type { SimNode } from '../../simulation/sim-node.ts';

/** A record that was compacted away has a successor further on: between the two lies no state of the log. */
describe('a node that catches up on a log that was compacted meanwhile', () => {
  let world: OneNode;
  let peer: SimNode;
  let second: AppendedEver | undefined;

  beforeEach(async () => {
    world = new OneNode({ deleteRetentionMs: 7 * 86_400_000 });
    world.foreign('key', 'first');
    peer = world.add('n2');
    for (const node of [world.node, peer]) {
      node.start();
      assert.ok((await world.answersUntil('key', 'final first', node)).has('final first'));
    }
    world.node.reachesLog = false;
    second = world.foreign('key', 'second');
    world.foreign('new key', 'once');
    assert.ok((await world.answersUntil('new key', 'final once', peer)).has('final once'));
    peer.reachesLog = false;
    for (let i = 0; i < 200; i++) world.foreign(`filler ${i}`, 'filler');
    world.foreign('key', 'third');
    world.foreign('new key', 'again');
    world.fill(20);
    await world.pass(CLEANED_AGE_MS);
    world.log.compact(0);
    const { records } = world.log.partition(0);
    assert.ok(records.every(({ offset }) => offset !== second?.record.offset));
    world.node.logDelayMsMax = 100;
    world.node.reachesLog = true;
  });

  const position = () => world.node.core?.table.state(0).active.position ?? 0;

  it('does not take a version for applied whose record it never met', async () => {
    assert.ok(await world.until(() => position() > 50));
    assert.ok(position() < 200);
    const seen: string[] = [];
    const done = await world.until(async () => {
      const { outcome, entry } = await read(world.node, 'key', second);
      seen.push(`${outcome} ${entry?.value}`);
      return seen.includes('ok third');
    });
    assert.ok(done);
    assert.ok(!seen.includes('ok first'), seen.join());
  });

  it('says so of itself, also after a kill, until it has met an end of the log', async () => {
    assert.ok(await world.until(() => position() > 50));
    assert.ok(position() < 200);
    world.node.kill();
    world.node.readersAreDead = true;
    world.node.start();
    const outcomes = new Set<string>();
    const look = async () => {
      outcomes.add((await read(world.node, 'key', second)).outcome);
      return false;
    };
    await world.until(look, 5_000);
    assert.deepEqual([...outcomes], ['refused', 'not_yet']);
    world.node.readersAreDead = false;
    assert.ok((await world.answersUntil('key', 'final third')).has('final third'));
    assert.equal((await read(world.node, 'key', second)).outcome, 'ok');
  });

  it('does not outrank a peer by an absence', async () => {
    assert.ok(await world.until(() => position() > 50));
    const answers = new Set<string>();
    const onPeer = new Set<string>();
    const done = await world.until(async () => {
      onPeer.add(await world.seen('new key', peer));
      answers.add(await world.seen('new key'));
      return answers.has('final again');
    });
    assert.ok(done);
    assert.ok(answers.has('peer once'), [...answers].join());
    const all = [...answers, ...onPeer];
    assert.ok(!all.some((each) => each.endsWith('absent')), all.join());
  });
});
