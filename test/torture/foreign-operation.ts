import { kcatProduce } from '../helpers/kcat.ts';
import type { Operation } from './history.ts';
import { now } from './recorder.ts';
import { makeValue } from './values.ts';

/** librdkafka's own deadline, so that what failed stays so. */
const WRITTEN_WITHIN_MS = 6_000;
const OPTIONS = [
  '-X',
  'partitioner=murmur2_random',
  '-X',
  `message.timeout.ms=${WRITTEN_WITHIN_MS}`,
  '-X',
  'enable.idempotence=true',
  '-Z',
] as const;

/** Another program produces to the topic. No value: a null, the delete of other programs. */
export async function foreignOperations(
  brokers: string,
  topic: string,
  writes: readonly (readonly [key: string, value: string | undefined])[],
): Promise<Operation[]> {
  const startedAt = now();
  const lines = writes.map(
    ([key, value]) => [key, value === undefined ? '' : makeValue(value)] as const,
  );
  const failed = await kcatProduce(brokers, topic, lines, OPTIONS).then(
    () => undefined,
    (error: Error) => error.message,
  );
  return writes.map(([key, value]) => ({
    door: 'kcat',
    node: undefined,
    run: undefined,
    kind: value === undefined ? 'delete' : 'put',
    key,
    value,
    startedAt,
    endedAt: now(),
    outcome: failed === undefined ? 'ok' : 'unknown',
    status: 0,
    code: failed,
  }));
}
