import { setTimeout as pause } from 'node:timers/promises';
import { now } from '../recorder.ts';
import { SESSION_MS } from '../world.ts';
import { ALL_NODES, type Fault, faultOf, faultOfNode } from './fault.ts';

/** Contract §1. */
const STOPPED_WITHIN_MS = 10_000;
const KILLS_MAX = 4;

/** Again and again, also while it recovers. */
const killed = faultOfNode('node killed', async (node, { random, count }) => {
  for (let left = random.integer(2, KILLS_MAX); left > 0; left--) {
    await node.kill();
    count('node kills');
    await pause(random.between(0, 300));
    await node.start();
    if (left > 1) await pause(random.between(0, 1_500));
  }
});

const allKilled = faultOf('all nodes killed', ALL_NODES, async ({ world, random, count }) => {
  await Promise.all(world.nodes.map((node) => node.kill()));
  count('node kills', world.nodes.length);
  await pause(random.between(0, 500));
  await Promise.all(world.nodes.map((node) => node.start()));
});

const stopped = faultOfNode('node stopped', async (node, { random, violated }) => {
  const from = now();
  const code = await node.kill('SIGTERM');
  const tookMs = now() - from;
  if (code !== 0 || tookMs > STOPPED_WITHIN_MS) {
    violated('clean stop', `${node.name}: exit ${code} after ${Math.round(tookMs)} ms`);
  }
  await pause(random.between(0, 500));
  await node.start();
});

/** Sometimes for longer than its session in ZooKeeper lasts. */
const frozen = faultOfNode('node frozen', async (node, { random, count }) => {
  node.process.signal('SIGSTOP');
  count('node freezes');
  const long = random.chance(0.5);
  await pause(long ? random.between(SESSION_MS + 500, 2 * SESSION_MS) : random.between(100, 2_000));
  node.process.signal('SIGCONT');
});

const diskLost = faultOfNode('disk lost', async (node, { world, count }) => {
  await node.kill();
  count('node kills');
  await node.wipe();
  world.recorder.diskLosses.push({ node: node.name, at: now() });
  await node.start();
});

export const NODE_FAULTS: readonly Fault[] = [killed, allKilled, stopped, frozen, diskLost];
