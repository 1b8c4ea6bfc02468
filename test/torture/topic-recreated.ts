import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../helpers/eventually.ts';
import { deleteTopic } from '../helpers/raw-kafka.ts';
import { STALE_AFTER_MS } from './checkers.ts';
import type { FaultContext } from './faults/fault.ts';
import { halted } from './faults/service-faults.ts';
import type { Operation } from './history.ts';
import { now, Recorder } from './recorder.ts';
import { TOPIC } from './world.ts';

/** For how long clients go on at halted nodes. */
const HALTED_MS = 1_000;
const REFUSED_WITHIN_MS = 20_000;

/**
 * The topic is deleted and made anew under running nodes and clients: nothing is acknowledged, nothing
 * is final from then on, all nodes halt, a restart is refused. Then the nodes are told to accept the
 * new log, or lose their disks, and a new history begins.
 * @returns what clients did meanwhile
 */
export async function recreateTopic(context: FaultContext): Promise<readonly Operation[]> {
  const { world, count, violated } = context;
  await world.witness.close();
  world.recorder = new Recorder();
  world.load.resume();
  await pause(500);
  const deletedAt = now();
  await deleteTopic(world.brokers, TOPIC);
  await eventually('the topic can be made again', () => world.makeTopic().then(() => true), {
    withinMs: 30_000,
  });
  const recreatedAt = now();
  count('topics re-created');
  await halted(context);
  const haltedAt = now();
  await pause(HALTED_MS);
  await world.load.pause();
  const { operations } = world.recorder;
  for (const [checker, operation] of mixed(operations, recreatedAt, haltedAt)) {
    violated(checker, JSON.stringify(operation));
  }
  for (const node of world.nodes) {
    await node.kill();
    count('node kills');
    // It may have ended before its doors listened.
    await node.start().catch(() => {});
    await eventually('the node refuses the new topic', () => !node.process.running, {
      withinMs: REFUSED_WITHIN_MS,
    }).catch(() => {});
    const code = node.process.running ? 'running' : node.process.exitCode;
    if (code !== 2) violated('restart', `${node.name} is ${code} after a start on another topic`);
    await node.kill();
  }
  const [first, ...others] = world.nodes;
  await first?.start(['--accept-new-log']);
  for (const node of others) {
    await node.wipe();
    await node.start();
  }
  await world.begin(carriedOver(operations, deletedAt));
  await world.recovered();
  return operations;
}

/** What other programs wrote may lie in the new topic, and what nodes could not answer for. */
function carriedOver(operations: readonly Operation[], deletedAt: number): Operation[] {
  const outcomes = new Set(['unknown', 'no_answer', 'not_written']);
  return operations.flatMap((operation) => {
    if (operation.kind === 'get' || operation.endedAt < deletedAt) return [];
    if (operation.door === 'kcat') return [{ ...operation, outcome: 'unknown' }];
    return outcomes.has(operation.outcome) ? [operation] : [];
  });
}

/** What must not be after the topic was re-created. */
function* mixed(
  operations: readonly Operation[],
  recreatedAt: number,
  haltedAt: number,
): Generator<[string, Operation]> {
  for (const operation of operations) {
    const { kind, door, outcome, startedAt, trust, status } = operation;
    if (door === 'kcat' || startedAt < recreatedAt) continue;
    if (kind !== 'get') {
      if (outcome === 'ok') yield ['no mixed logs', operation];
      const http = door === 'http' && startedAt > haltedAt;
      if (http && !(status === 503 && outcome === 'not_written')) yield ['halt', operation];
    } else if (trust === 'final' && startedAt > recreatedAt + STALE_AFTER_MS) {
      yield ['no mixed logs', operation];
    }
  }
}
