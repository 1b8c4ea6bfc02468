import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { OneNode } from '../../simulation/one-node.ts';

const TEN_SECONDS = 10_000;

describe('the health of a node', () => {
  let world: OneNode;

  beforeEach(async () => {
    world = new OneNode({ deleteRetentionMs: 7 * 86_400_000 });
    world.fill(3);
    world.node.start();
    assert.ok(await world.until(healthy));
  });

  const healthy = () => world.node.core?.healthy() === true;

  it('is given once all that the log had at the start is applied', async () => {
    world.node.kill();
    world.node.logDelayMsMax = 50;
    world.fill(300);
    world.node.start();
    const position = () => world.node.core?.table.state(0).active.position ?? 0;
    const early = await world.until(() => healthy() && position() < 303);
    assert.equal(early, false);
    assert.ok(healthy());
  });

  it('is lost while nothing can be stored, and comes back with nothing lost', async () => {
    world.node.disk.full = true;
    world.foreign('key', 'value');
    assert.ok(await world.until(() => !healthy(), 1_000));
    await world.pass(5_000);
    assert.equal(healthy(), false);
    world.node.disk.full = false;
    assert.ok(await world.until(healthy));
    assert.ok((await world.answersUntil('key', 'final value')).has('final value'));
  });

  it('is lost when the reader is dead, ten seconds later, and not before', async () => {
    world.node.readersAreDead = true;
    world.fill(1);
    assert.equal(await world.until(() => !healthy(), TEN_SECONDS - 500), false);
    assert.ok(await world.until(() => !healthy(), 1_500));
    world.node.readersAreDead = false;
    assert.ok(await world.until(healthy));
  });

  it('comes back without a rebuild however long the disk was full', async () => {
    world.node.disk.full = true;
    world.foreign('key', 'value');
    for (let i = 0; i < 8; i++) {
      await world.pass(5_000);
      // Standing still raises a doubt, and a batch that waits for the disk is let go of.
      world.node.stall(700);
    }
    world.node.disk.full = false;
    assert.ok(await world.until(healthy));
    assert.ok((await world.answersUntil('key', 'final value')).has('final value'));
    await world.pass(2 * TEN_SECONDS);
    assert.deepEqual(world.rebuilds(), []);
    assert.deepEqual(
      world.lines.filter((line) => line.includes('delivers nothing')),
      [],
    );
  });

  it('comes back by a rebuild where two readers in a row deliver nothing', async () => {
    world.node.readersAreDead = true;
    world.foreign('key', 'value');
    const { length } = world.rebuilds();
    assert.equal(await world.until(() => world.rebuilds().length > 0, 2 * TEN_SECONDS), false);
    assert.ok(await world.until(() => world.rebuilds().length > length, 5_000));
    assert.match(world.rebuilds()[0] ?? '', /two readers have delivered nothing from 3 on/);
    // Neither of the two after it begins again what it has begun.
    await world.pass(4 * TEN_SECONDS);
    assert.equal(world.rebuilds().length, 1);
    assert.deepEqual([...(await world.answersUntil('filler', 'behind 2'))], ['behind 2']);
    world.node.readersAreDead = false;
    assert.ok(await world.until(healthy));
    assert.ok((await world.answersUntil('key', 'final value')).has('final value'));
  });

  it('is kept through an outage of the log', async () => {
    world.log.up = false;
    assert.equal(await world.until(() => !healthy(), 3 * TEN_SECONDS), false);
    world.fill(1);
    world.log.up = true;
    assert.equal(await world.until(() => !healthy(), TEN_SECONDS), false);
  });
});
