import { setTimeout as pause } from 'node:timers/promises';
import type { FaultDirection, FaultProxy } from '../../helpers/fault-proxy.ts';
import { type Fault, type FaultContext, faultOfNode } from './fault.ts';

const DIRECTIONS: readonly FaultDirection[] = ['both', 'up', 'down'];

/** Shorter than what makes a node rebuild; the long ones are `absence`. */
const lasts = ({ random }: FaultContext) => pause(random.between(500, 4_000));

async function slow(link: FaultProxy, { random }: FaultContext): Promise<void> {
  link.delay(random.between(20, 400));
  if (random.chance(0.5)) link.rate(random.integer(5_000, 50_000));
}

const kafkaCut = faultOfNode('Kafka link cut', async ({ links }, context) => {
  links.kafka.cut();
  await lasts(context);
  links.kafka.heal();
});

const kafkaBlackhole = faultOfNode('Kafka link silent', async ({ links }, context) => {
  links.kafka.blackhole(context.random.pick(DIRECTIONS));
  await lasts(context);
  links.kafka.heal();
});

const kafkaSlow = faultOfNode('Kafka link slow', async ({ links }, context) => {
  await slow(links.kafka, context);
  await lasts(context);
  links.kafka.heal();
});

const kafkaReset = faultOfNode('Kafka link reset', async ({ links }, { random }) => {
  for (let left = random.integer(1, 8); left > 0; left--) {
    links.kafka.reset();
    await pause(random.between(0, 400));
  }
});

/** While one node lags and asks the others, the way to one of those is bad. */
const peersBad = faultOfNode(
  'peers out of reach',
  async (node, context) => {
    const { world, random } = context;
    const lagging = random.pick(world.nodes.filter((other) => other !== node));
    const { peers, rpc } = node.links;
    for (const link of [peers, rpc]) {
      if (random.chance(0.3)) link.cut();
      else if (random.chance(0.5)) link.blackhole(random.pick(DIRECTIONS));
      else await slow(link, context);
    }
    lagging.links.kafka.blackhole('down');
    await lasts(context);
    for (const link of [peers, rpc, lagging.links.kafka]) link.heal();
  },
  ['node 1', 'node 2', 'node 3'],
);

const zookeeperSlow = faultOfNode(
  'ZooKeeper link bad',
  async ({ links }, context) => {
    if (context.random.chance(0.5)) links.zookeeper.cut();
    else await slow(links.zookeeper, context);
    await lasts(context);
    links.zookeeper.heal();
  },
  ['zookeeper'],
);

export const NETWORK_FAULTS: readonly Fault[] = [
  kafkaCut,
  kafkaBlackhole,
  kafkaSlow,
  kafkaReset,
  peersBad,
  zookeeperSlow,
];
