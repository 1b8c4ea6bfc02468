import { liveEntriesOf, type Violation } from './checkers.ts';
import type { World } from './faults.ts';
import { patientRead } from './operations.ts';
import type { SimNode } from './sim-node.ts';

const HEALED_WITHIN_MS = 120_000;
const LOOKED_AGAIN_MS = 50;

/** Takes every fault back, starts whoever is down, and wipes who was given another log meanwhile. */
export async function heal({
  scheduler,
  log,
  nodes,
  keys,
  partitionOf,
  trace,
}: World): Promise<void> {
  trace?.(`${scheduler.now} heal`);
  log.up = true;
  // A log in which nothing ever was is taken for a lost one by whoever mixed in another for a moment.
  const [key = ''] = keys;
  const last = { partition: partitionOf(key), key: Buffer.from(key), value: Buffer.from('last') };
  log.append({ ...last, headers: [] });
  for (const node of nodes) {
    node.reachesLog = true;
    node.reachesPeers = true;
    node.logLoss = 0;
    node.peerLoss = 0;
    node.disk.full = false;
    node.disk.failing = 0;
    node.readersAreDead = false;
    if (node.topicId !== undefined && node.topicId !== log.current.identity.topicId) {
      node.wipe();
    }
    node.start();
  }
  await scheduler.sleep(100);
}

/** All nodes, a new one too, answer every key as the log means it, for certain. */
export async function converge(world: World): Promise<Violation[]> {
  const expected = liveEntriesOf(world.log);
  const until = world.scheduler.now + HEALED_WITHIN_MS;
  const each = await Promise.all(
    world.nodes.map((node) => compare(world, node, { expected, until })),
  );
  return each.flat();
}

async function compare(
  { scheduler, keys, log }: World,
  node: SimNode,
  { expected, until }: { readonly expected: ReadonlyMap<string, string>; readonly until: number },
): Promise<Violation[]> {
  const violations: Violation[] = [];
  const fail = (checker: string, detail: string) =>
    violations.push({ checker, detail: `${node.name}: ${detail}` });
  for (const key of keys) {
    let seen = await patientRead(scheduler, node, key);
    while (seen.trust !== 'final' && scheduler.now < until) {
      await scheduler.sleep(LOOKED_AGAIN_MS);
      if (node.topicId !== undefined && node.topicId !== log.current.identity.topicId) {
        node.wipe();
      }
      seen = await patientRead(scheduler, node, key);
    }
    if (seen.trust !== 'final') {
      const how = `${seen.outcome} ${seen.trust}, exits ${node.exits.join('; ')}`;
      fail('convergence', `${key} is never final: ${how}`);
      break;
    }
    const live = seen.entry?.kind === 'live';
    const found = live ? `${seen.entry?.value}@${seen.entry?.offset}` : undefined;
    const meant = expected.get(key);
    if (found === meant) continue;
    fail(meant === undefined ? 'deletes' : 'convergence', `${key} is ${found}, not ${meant}`);
  }
  // A key's partition may be there before others are: what was damaged is found by reading it.
  while (node.core?.healthy() !== true && scheduler.now < until) {
    await scheduler.sleep(LOOKED_AGAIN_MS);
  }
  const states = node.core?.table.states() ?? [];
  const entries = states.reduce((sum, { active }) => sum + active.entries, 0);
  if (entries !== expected.size) {
    fail('convergence', `counts ${entries} entries, the log has ${expected.size}`);
  }
  return violations;
}
