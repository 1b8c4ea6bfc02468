import { setTimeout as pause } from 'node:timers/promises';
import { createTopic } from '../../helpers/raw-kafka.ts';
import { startKafka } from '../../services/kafka.ts';
import { PARTITIONS, SESSION_MS, TOPIC, type World } from '../world.ts';
import { ALL_NODES, type Fault, type FaultContext, faultOf, faultOfNode } from './fault.ts';

const brokerOf = ({ kafka }: World) => {
  const [broker] = kafka.brokers;
  if (broker === undefined) throw new Error('no broker');
  return broker;
};

const brokerKilled = faultOf('broker killed', ['kafka'], async ({ world, random, count }) => {
  const broker = brokerOf(world);
  for (let left = random.integer(1, 2); left > 0; left--) {
    await broker.kill();
    count('broker kills');
    await pause(random.between(0, 1_000));
    await broker.start();
  }
});

const brokerFrozen = faultOf('broker frozen', ['kafka'], async ({ world, random, count }) => {
  const broker = brokerOf(world);
  broker.pause();
  count('broker freezes');
  await pause(random.between(500, 6_000));
  broker.resume();
});

/**
 * Another cluster answers under the address for a while, with a topic of the same name in which other
 * records lie. Nothing that is acknowledged meanwhile may be in that one only: the checkers know
 * only the first. It has the nodes for itself: one that is restarted on the other log refuses it.
 */
const brokerSwapped = faultOf('broker swapped', ['kafka', ...ALL_NODES], async (context) => {
  const { world, random, count } = context;
  const broker = brokerOf(world);
  const ports = new Map<string, number>();
  const doors = world.nodes.map(({ name }) => name.toUpperCase());
  const advertise = (_: number, port: number, door: string) => {
    ports.set(door, port);
    return broker.advertisedAt(door);
  };
  const first = new Map(doors.map((door) => [door, broker.portOf(door)]));
  const lead = (to: ReadonlyMap<string, number>) => {
    for (const { name, links } of world.nodes) {
      links.kafka.retarget({ host: '127.0.0.1', port: to.get(name.toUpperCase()) ?? 0 });
    }
  };
  // The brokers' own doors differ, so that both clusters can be asked.
  const other = await startKafka({
    doors,
    heapMiB: 320,
    advertise: (index, port, door) =>
      door === 'CLIENT' ? `127.0.0.1:${port}` : advertise(index, port, door),
  });
  try {
    await createTopic(other.brokerList, TOPIC, { 'cleanup.policy': 'compact' }, PARTITIONS);
    lead(ports);
    count('clusters swapped');
    await halted(context);
    await pause(random.between(0, 2_000));
    lead(first);
  } finally {
    lead(first);
    await other.stop();
  }
});

const HALTED_WITHIN_MS = 30_000;

/** Contract §8.5: within 30 s all nodes have noticed that another log stands where theirs was. */
export async function halted({ world, violated }: FaultContext): Promise<void> {
  const latest = performance.now() + HALTED_WITHIN_MS;
  for (const node of world.nodes) {
    let state: string;
    for (;;) {
      state = await node.status().then(
        (status) => status.state,
        () => 'no answer',
      );
      if (state === 'halted' || performance.now() >= latest) break;
      await pause(50);
    }
    if (state !== 'halted') violated('halt', `${node.name} is ${state} after 30 s on another log`);
    else if (await node.healthy()) violated('halt', `${node.name} is halted and healthy`);
  }
}

const zookeeperBounced = faultOf(
  'zookeeper bounced',
  ['zookeeper'],
  async ({ world, random, count }) => {
    await world.zookeeper.kill();
    count('zookeeper kills');
    await pause(random.between(0, 1.5 * SESSION_MS));
    await world.zookeeper.start();
  },
);

const zookeeperWiped = faultOf('zookeeper wiped', ['zookeeper'], async ({ world, count }) => {
  await world.zookeeper.kill();
  count('zookeeper kills');
  await world.zookeeper.start({ wipe: true });
});

const zookeeperFrozen = faultOf('zookeeper frozen', ['zookeeper'], async ({ world, random }) => {
  world.zookeeper.pause();
  await pause(random.between(500, 2 * SESSION_MS));
  world.zookeeper.resume();
});

/** One node's session ends; the others' go on. */
const sessionExpired = faultOfNode(
  'session expired',
  async ({ links }, { random, count }) => {
    links.zookeeper.blackhole();
    await pause(SESSION_MS + random.between(1_000, 2_500));
    links.zookeeper.heal();
    count('sessions expired');
  },
  ['zookeeper'],
);

export const SERVICE_FAULTS: readonly Fault[] = [
  brokerKilled,
  brokerFrozen,
  brokerSwapped,
  zookeeperBounced,
  zookeeperWiped,
  zookeeperFrozen,
  sessionExpired,
];
