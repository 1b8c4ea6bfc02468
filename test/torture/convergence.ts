import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../helpers/eventually.ts';
import { readTopic } from '../helpers/read-topic.ts';
import { TestNode } from '../helpers/test-node.ts';
import type { FinalRecord, WitnessedRecord } from './history.ts';
import { httpOperation } from './http-operation.ts';
import { now } from './recorder.ts';
import type { TortureNode } from './torture-node.ts';
import { readValue } from './values.ts';
import { ENV, TOPIC, type World } from './world.ts';

/** A write of unknown outcome may still arrive for so long; then the log must be quiet. */
const QUIET_MS = 1_000;
const QUIET_WITHIN_MS = 30_000;
const CONVERGED_WITHIN_MS = 20_000;

/**
 * With nothing being written: all nodes hold what the topic holds, as an independent reader finds
 * it. Gives what differs, and the topic's newest record per key.
 */
export async function converge(
  world: World,
): Promise<{ readonly differences: string[]; readonly final: Map<string, FinalRecord> }> {
  await world.load.pause();
  await world.recovered();
  const ends = await quietEnds(world);
  await world.witness.until(ends);
  const final = withPassed(await newestRecords(world.brokers), world.witness.records);
  const differences: string[] = [];
  for (const node of world.nodes) differences.push(...(await compare(world, node, final)));
  const versions = new Map([...final].map(([key, { version }]) => [key, version]));
  if (differences.length === 0) world.recorder.convergences.push({ at: now(), versions });
  return { differences, final };
}

/** A node with nothing on its disk comes to the same, from the log alone. */
export async function compareFresh(
  world: World,
  final: ReadonlyMap<string, FinalRecord>,
): Promise<string[]> {
  const fresh = await TestNode.make({
    env: {
      ...ENV,
      BROKER_LIST: world.brokers,
      ZOOKEEPER_HOSTS: 'none',
      NODE_ADDRESS: '127.0.0.1',
    },
  });
  try {
    await fresh.start();
    const live = [...final].filter(([, { value }]) => value !== undefined);
    const { entries } = await fresh.status();
    const wrong =
      entries === live.length ? [] : [`fresh: ${entries} entries, the log has ${live.length}`];
    for (const key of world.recorder.keys) {
      const { status, json, headers } = await fresh.get(key);
      const record = final.get(key);
      const value = status === 200 ? readValue(json.value) : undefined;
      const version = headers['bitacora-version'];
      if (value === record?.value && (value === undefined || version === record?.version)) continue;
      wrong.push(`fresh: ${key} is ${status} ${value} ${version}, the log has ${told(record)}`);
    }
    return wrong;
  } finally {
    await fresh.dispose();
  }
}

async function compare(
  world: World,
  node: TortureNode,
  final: ReadonlyMap<string, FinalRecord>,
): Promise<string[]> {
  const live = [...final].filter(([, { value }]) => value !== undefined).length;
  const counted = async () => (await node.status()).entries;
  const wrong: string[] = [];
  await eventually('the same number of entries', async () => (await counted()) === live, {
    withinMs: CONVERGED_WITHIN_MS,
  }).catch(async () => {
    wrong.push(`${node.name}: ${await counted()} entries, the log has ${live}`);
  });
  for (const key of world.recorder.keys) {
    const read = async () => {
      const found = await httpOperation(node, { kind: 'get', key, own: true });
      return found.trust === 'final' && found;
    };
    const found = await eventually(`${node.name} answers ${key}`, read, {
      withinMs: CONVERGED_WITHIN_MS,
    });
    world.recorder.keep(found);
    const record = final.get(key);
    const same = found.value === undefined || found.version === record?.version;
    if (found.value === record?.value && same) continue;
    wrong.push(
      `${node.name}: ${key} is ${found.status} ${found.value} ${found.version}, the log has ${told(record)}`,
    );
  }
  return wrong;
}

/** The log's ends once nothing has come for a while. */
async function quietEnds({ witness }: World): Promise<number[]> {
  let ends = await witness.ends();
  await eventually(
    'nothing is appended any more',
    async () => {
      const before = ends;
      await pause(QUIET_MS);
      ends = await witness.ends();
      return ends.every((end, partition) => end === before[partition]);
    },
    { withinMs: QUIET_WITHIN_MS },
  );
  return ends;
}

async function newestRecords(brokers: string): Promise<Map<string, FinalRecord>> {
  const newest = new Map<string, FinalRecord>();
  for (const { key, value, op, partition, offset } of await readTopic(brokers, TOPIC)) {
    if (key === null) continue;
    const gone = value === null || op === 'delete';
    const read = gone ? undefined : readValue(value.toString());
    newest.set(key, { version: `${partition}:${offset}`, value: read });
  }
  return newest;
}

/** With the nulls that compaction took away: not in the topic any more, the witness has met them. */
function withPassed(
  newest: Map<string, FinalRecord>,
  witnessed: readonly WitnessedRecord[],
): Map<string, FinalRecord> {
  const last = new Map(witnessed.map((record) => [record.key, record]));
  for (const [key, { partition, offset, passing }] of last) {
    if (!passing || newest.has(key)) continue;
    newest.set(key, { version: `${partition}:${offset}`, value: undefined });
  }
  return newest;
}

function told(record: FinalRecord | undefined): string {
  return record === undefined ? 'nothing' : `${record.value} at ${record.version}`;
}
