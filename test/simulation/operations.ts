import { messageOf, ServiceError } from '../../src/errors.ts';
import type { World } from './faults.ts';
import type { Operation, ReadDone, WriteDone } from './history.ts';
import type { Random, Scheduler } from './scheduler.ts';
import type { AppendedEver, SimLog } from './sim-log.ts';
import type { SimNode } from './sim-node.ts';

/** A client waits no longer for an answer. */
const CLIENT_PATIENCE_MS = 8_000;

export type Kind = Operation['kind'];

/** What a client does next, by chance. */
export function anyKind(random: Random): Kind {
  const dice = random.next();
  return dice < 0.55 ? 'get' : dice < 0.85 ? 'put' : 'delete';
}

export interface Act {
  readonly kind: Kind;
  readonly key: string;
  /** A read carries the version of this record. */
  readonly after?: AppendedEver | undefined;
}

/** One operation of a client on a node. */
export async function operate(
  { scheduler, log }: Pick<World, 'scheduler' | 'log'>,
  node: SimNode,
  { kind, key, after }: Act,
): Promise<Omit<Operation, 'answeredBefore'>> {
  const { run, name, bornAt } = node;
  const at = scheduler.now;
  const logIdBefore = node.logId();
  const done = kind === 'get' ? read(node, key, after) : write(node, key, kind, log);
  // A killed node answers nothing: its client sees the connection break.
  let cancel = () => {};
  const broken = new Promise<ReadDone | WriteDone>((resolve) => {
    const none = { kind, outcome: 'no answer' } as ReadDone | WriteDone;
    cancel = scheduler.after(CLIENT_PATIENCE_MS, () => resolve(none));
  });
  const result = await Promise.race([done, broken]);
  cancel();
  const logId = (node.run === run ? node.logId() : undefined) ?? logIdBefore;
  return { node: name, run, logId, bornAt, key, at, doneAt: scheduler.now, ...result };
}

/** As `read`; a process that is killed meanwhile answers nothing. */
export function patientRead(scheduler: Scheduler, node: SimNode, key: string): Promise<ReadDone> {
  return new Promise((resolve) => {
    const none = { kind: 'get', outcome: 'no answer' } as const;
    const cancel = scheduler.after(CLIENT_PATIENCE_MS, () => resolve(none));
    void read(node, key).then((done) => {
      cancel();
      resolve(done);
    });
  });
}

export async function read(
  node: SimNode,
  key: string,
  after?: AppendedEver | undefined,
): Promise<ReadDone> {
  try {
    if (node.core === undefined) return { kind: 'get', outcome: 'refused' };
    const { store } = node.core;
    const answer = await (after === undefined
      ? (store.getNow(key) ?? store.get(key))
      : store.get(key, { after: after.record }));
    const { trust, partition, position, source, entry } = answer;
    return {
      kind: 'get',
      outcome: 'ok',
      after,
      trust,
      partition,
      position,
      source,
      ...(entry && {
        entry: {
          kind: entry.kind,
          offset: entry.offset,
          timestamp: entry.timestamp,
          value: entry.value.toString(),
        },
      }),
    };
  } catch (error) {
    return { kind: 'get', outcome: outcomeOf(error), after };
  }
}

async function write(
  node: SimNode,
  key: string,
  kind: 'put' | 'delete',
  log: SimLog,
): Promise<WriteDone> {
  // No two writes of a run have the same value.
  const value = `${kind} on ${node.name} at ${log.now} after ${log.ever.length}`;
  try {
    if (node.core === undefined) return { kind, outcome: 'refused' };
    const { store } = node.core;
    const started = log.ever.length;
    const answer = await (kind === 'put' ? store.put(key, Buffer.from(value)) : store.delete(key));
    const { partition, offset } = answer.version;
    const record = log.ever
      .slice(started)
      .findLast(
        (each) =>
          each.record.partition === partition &&
          each.record.offset === offset &&
          each.record.key?.toString() === key,
      );
    return { kind, outcome: 'ok', value, record };
  } catch (error) {
    return { kind, outcome: outcomeOf(error), value };
  }
}

function outcomeOf(error: unknown): string {
  if (error instanceof ServiceError) return error.outcome ?? error.code;
  return `fault: ${messageOf(error)}`;
}
