import { eventually } from '../../helpers/eventually.ts';
import { readTopic } from '../../helpers/read-topic.ts';
import { foreignOperations } from '../foreign-operation.ts';
import { httpOperation } from '../http-operation.ts';
import type { TortureNode } from '../torture-node.ts';
import { DELETE_RETENTION_MS, TOPIC } from '../world.ts';
import { type Fault, type FaultContext, faultOfNode } from './fault.ts';

const GONE_KEYS = 12;
const COMPACTED_WITHIN_MS = 60_000;

/** Down while deletes without a value come and are compacted away. */
const away = faultOfNode(
  'away longer than retention',
  (node, context) =>
    missDeletes(
      node,
      context,
      async () => {
        await node.kill();
        context.count('node kills');
      },
      () => node.start(),
    ),
  ['kafka'],
);

/** The same, with the node running: the log is out of its reach. */
const lagging = faultOfNode(
  'lag longer than retention',
  (node, context) =>
    missDeletes(
      node,
      context,
      async () => node.links.kafka.blackhole(),
      async () => node.links.kafka.heal(),
    ),
  ['kafka'],
);

async function missDeletes(
  node: TortureNode,
  { world, count, violated }: FaultContext,
  leave: () => Promise<void>,
  comeBack: () => Promise<void>,
): Promise<void> {
  const prefix = `gone-${world.load.name()}-`;
  const keys = Array.from({ length: GONE_KEYS }, (_, i) => `${prefix}${i}`);
  const keep = (operations: Awaited<ReturnType<typeof foreignOperations>>) => {
    for (const operation of operations) world.recorder.keep(operation);
  };
  const puts = keys.map((key) => [key, world.load.name()] as const);
  keep(await foreignOperations(world.brokers, TOPIC, puts));
  for (const key of keys) {
    await eventually(
      'the node has what will be deleted',
      async () => (await httpOperation(node, { kind: 'get', key, own: true })).value !== undefined,
    );
  }
  await leave();
  keep(
    await foreignOperations(
      world.brokers,
      TOPIC,
      keys.map((key) => [key, undefined]),
    ),
  );
  await eventually(
    'nothing is left of them',
    async () =>
      (await readTopic(world.brokers, TOPIC)).every(({ key }) => !key?.startsWith(prefix)),
    { withinMs: DELETE_RETENTION_MS + COMPACTED_WITHIN_MS },
  );
  count('deletes missed', GONE_KEYS);
  await comeBack();
  await world.recovered();
  for (const key of keys) {
    const read = world.recorder.keep(await httpOperation(node, { kind: 'get', key, own: true }));
    if (read.value === undefined) continue;
    violated('absence', `${node.name} run ${node.run} has ${key} = ${read.value} ${read.trust}`);
  }
}

export const ABSENCE_FAULTS: readonly Fault[] = [away, lagging];
