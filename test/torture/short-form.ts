import { allFaults } from './faults/all.ts';
import type { Fault } from './faults/fault.ts';
import type { Round } from './torture.ts';
import type { World } from './world.ts';

/** Names of faults that strike together. All kinds once; those that need the same follow each other. */
const ROUNDS: readonly (readonly string[])[] = [
  ['node killed', 'zookeeper bounced'],
  ['away longer than retention', 'session expired'],
  ['broker swapped'],
  ['disk full'],
  ['node frozen', 'Kafka link slow'],
  ['broker killed', 'zookeeper wiped'],
  ['lag longer than retention', 'disk lost'],
  ['broker frozen', 'zookeeper frozen'],
  ['peers out of reach'],
  ['Kafka link silent', 'node stopped'],
  ['all nodes killed', 'ZooKeeper link bad'],
];
/** After the topic was re-created. */
const MORE_ROUNDS: readonly (readonly string[])[] = [
  ['Kafka link cut', 'node killed'],
  ['Kafka link reset'],
];

/** Every fault once, in an order that is always the same. */
export function* shortForm(world: World): Generator<readonly Round[]> {
  const faults = allFaults(world);
  const named = (name: string) => faults.filter((fault: Fault) => fault.name === name);
  for (const rounds of [ROUNDS, MORE_ROUNDS]) {
    yield rounds.map((names) => names.flatMap(named));
  }
}
