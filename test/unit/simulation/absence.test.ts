import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { OneNode } from '../../simulation/one-node.ts';
import { CLEANED_AGE_MS } from '../../simulation/sim-log.ts';

/** Less than two readers in a row get before the partition is rebuilt for that. */
const RETENTION_MS = 18_000;

describe('a partition that was not caught up for long', () => {
  let world: OneNode;

  beforeEach(async () => {
    world = new OneNode({ deleteRetentionMs: RETENTION_MS });
    for (const key of ['deleted', 'kept']) world.foreign(key, 'once');
    world.node.start();
    assert.ok((await world.answersUntil('deleted', 'final once')).has('final once'));
  });

  const deleteAndForget = async () => {
    world.foreign('deleted', null);
    world.fill(20);
    await world.pass(CLEANED_AGE_MS);
    world.log.compact(0);
    await world.pass(RETENTION_MS);
    world.log.compact(0);
    assert.equal(world.log.tombstonesDropped, 1);
  };
  const warned = () => world.node.warnings.all().join('\n');

  it('is rebuilt at the start, answers as behind until then, and says so', async () => {
    world.node.kill();
    await deleteAndForget();
    world.node.start();
    const answers = new Set<string>();
    let warning = '';
    const right = await world.until(async () => {
      answers.add(await world.seen('deleted'));
      warning ||= warned();
      return answers.has('final absent');
    });
    assert.ok(right);
    assert.ok(answers.has('behind once') && !answers.has('final once'), [...answers].join());
    assert.match(warning, /^partitions 0 rebuilt: not caught up for longer than delete\.retention/);
    assert.equal(warned(), '');
    assert.match(world.rebuilds()[0] ?? '', /not caught up for 18 seconds, null tombstones are/);
    assert.ok((await world.answersUntil('kept', 'final once')).has('final once'));
  });

  it('is rebuilt after a long lag of a node that lives', async () => {
    world.node.readersAreDead = true;
    await deleteAndForget();
    world.node.readersAreDead = false;
    const answers = await world.answersUntil('deleted', 'final absent');
    assert.ok(answers.has('final absent') && !answers.has('final once'), [...answers].join());
    assert.ok(world.rebuilds().length > 0);
  });

  it('is rebuilt after a long lag that ended with a restart', async () => {
    world.node.readersAreDead = true;
    await deleteAndForget();
    world.node.kill();
    world.node.readersAreDead = false;
    world.node.start();
    const answers = await world.answersUntil('deleted', 'final absent');
    assert.ok(answers.has('final absent') && !answers.has('final once'), [...answers].join());
    assert.match(world.rebuilds()[0] ?? '', /not caught up for 18 seconds/);
  });

  it('is left as it is when it comes back in time', async () => {
    world.node.kill();
    world.foreign('deleted', null);
    await world.pass(RETENTION_MS * 0.8);
    world.node.start();
    assert.ok((await world.answersUntil('deleted', 'final ')).has('final '));
    assert.deepEqual(world.rebuilds(), []);
  });

  it('is left as it is by a restart after a long idle time', async () => {
    await world.pass(RETENTION_MS * 10);
    world.node.kill();
    world.node.start();
    assert.ok((await world.answersUntil('kept', 'final once')).has('final once'));
    assert.deepEqual(world.rebuilds(), []);
  });
});
