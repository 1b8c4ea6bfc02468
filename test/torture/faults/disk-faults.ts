import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../../helpers/eventually.ts';
import { type Operation, offsetOf } from '../history.ts';
import { httpOperation } from '../http-operation.ts';
import type { TortureNode } from '../torture-node.ts';
import type { Fault, FaultContext } from './fault.ts';

const NOTICED_WITHIN_MS = 20_000;
const RESUMED_WITHIN_MS = 60_000;
const KEYS_READ = 20;

/** The node with the small disk: it stops applying, says so, answers on, and goes on by itself. */
export const diskFull: Fault = {
  name: 'disk full',
  aim: () => ({ parts: ['node 1', 'disk'], target: 'n1', run }),
};

async function run(context: FaultContext): Promise<void> {
  const { world, random, count, violated } = context;
  const node = world.nodes.find(({ disk }) => disk !== undefined);
  if (node?.disk === undefined) return;
  const failing = async () =>
    (await node.status()).warnings.some((line) => line.startsWith('storage failed'));
  await node.disk.fill();
  try {
    await eventually('the node notices that its disk is full', failing, {
      withinMs: NOTICED_WITHIN_MS,
    });
    count('disks filled');
    await pause(random.between(200, 3_000));
    for (const read of await readKeys(node, context)) {
      if (read.outcome !== 'ok') violated('disk full', `${read.key}: ${read.status} ${read.code}`);
    }
  } finally {
    await node.disk.free();
  }
  const resumed = async () =>
    !(await failing()) && (await node.status()).log.partitions.every(({ caughtUp }) => caughtUp);
  await eventually('the node goes on', resumed, { withinMs: RESUMED_WITHIN_MS });
  await killAfter(node, context);
}

/** What the node stored once there was room again survives its end: nothing lies behind a torn write. */
async function killAfter(node: TortureNode, context: FaultContext): Promise<void> {
  const before = await readKeys(node, context);
  await node.kill();
  context.count('node kills');
  await node.start();
  const after = await readKeys(node, context);
  for (const [i, { key, version }] of before.entries()) {
    const now = after[i]?.version;
    if (version === undefined || now === undefined || offsetOf(now) >= offsetOf(version)) continue;
    context.violated('disk full', `${node.name}: ${key} was ${version}, is ${now} after a kill`);
  }
}

async function readKeys(node: TortureNode, { world }: FaultContext): Promise<Operation[]> {
  const reads: Operation[] = [];
  for (const key of [...world.recorder.keys].sort().slice(0, KEYS_READ)) {
    reads.push(world.recorder.keep(await httpOperation(node, { kind: 'get', key, own: true })));
  }
  return reads;
}
