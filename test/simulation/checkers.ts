import { rawCodec } from '../../src/codec/raw-codec.ts';
import type { Operation } from './history.ts';
import type { AppendedEver, SimLog } from './sim-log.ts';
import { STALE_AFTER_MS } from './sim-node.ts';

/** A violation of a promise, with what shows it. */
export interface Violation {
  readonly checker: string;
  readonly detail: string;
}

/** How long a topic that is re-created under a running client may go unnoticed. */
const SILENT_CHANGE_MS = 500;

function isSoonAfter(at: number, moment: number): boolean {
  return at >= moment && at <= moment + SILENT_CHANGE_MS;
}

/** The live entries that the log means: key → `value@offset`. */
export function liveEntriesOf(log: SimLog): Map<string, string> {
  const live = new Map<string, string>();
  for (const { records } of log.current.partitions) {
    for (const record of records) {
      const key = record.key?.toString() ?? '';
      const decoded = rawCodec.decode(record);
      if (decoded.kind === 'live') live.set(key, `${decoded.value}@${record.offset}`);
      else live.delete(key);
    }
  }
  return live;
}

/**
 * An acknowledged write is in the log, or a newer record of its key is, unless the log itself lost
 * it: truncated it, or truncated the newer record for which the cleaner had removed it.
 */
export function checkDurability(
  history: readonly Operation[],
  log: SimLog,
  silentChanges: readonly number[],
): Violation[] {
  const violations: Violation[] = [];
  const { topicId } = log.current.identity;
  for (const operation of history) {
    if (operation.kind === 'get' || operation.outcome !== 'ok') continue;
    const { record, key } = operation;
    const fail = (why: string) =>
      violations.push({ checker: 'durability', detail: `${operation.kind} ${key}: ${why}` });
    if (record === undefined) fail('acknowledged, never appended');
    else if (record.topicId !== topicId) {
      const excused = silentChanges.some((moment) => isSoonAfter(operation.doneAt, moment));
      if (!excused) fail(`acknowledged by another log ${record.topicId}`);
    } else if (record.lostAt === undefined) {
      const { partition, offset } = record.record;
      const there = log
        .partition(partition)
        .records.some((each) => each.offset >= offset && each.key?.toString() === key);
      const newerLost = log.ever.some(
        (each) =>
          each.lostAt !== undefined &&
          each.record.partition === partition &&
          each.record.offset > offset &&
          each.record.key?.toString() === key,
      );
      if (!there && !newerLost) fail(`${partition}:${offset} is not in the log`);
    }
  }
  return violations;
}

/**
 * A final read has seen every record of its key that was in the log when the log was asked, and
 * nothing that the log had lost by then.
 */
export function checkFinalReads(
  history: readonly Operation[],
  log: SimLog,
  silentChanges: readonly number[],
): Violation[] {
  const violations: Violation[] = [];
  const { topicId } = log.current.identity;
  const byKey = new Map<string, AppendedEver[]>();
  for (const each of log.ever) {
    if (each.topicId !== topicId) continue;
    const key = each.record.key?.toString() ?? '';
    const list = byKey.get(key);
    if (list === undefined) byKey.set(key, [each]);
    else list.push(each);
  }
  for (const operation of history) {
    if (operation.kind !== 'get' || operation.trust !== 'final') continue;
    const { key, at, doneAt, entry } = operation;
    if (silentChanges.some((moment) => isSoonAfter(at, moment))) continue;
    const asked = at - STALE_AFTER_MS;
    const offset = entry?.offset ?? -1;
    const records = byKey.get(key) ?? [];
    const missed = records.find(
      (each) =>
        each.at < asked &&
        (each.lostAt === undefined || each.lostAt > doneAt) &&
        each.record.offset > offset,
    );
    const where = `${key} on ${operation.node} at ${Math.round(at)}`;
    if (missed !== undefined) {
      violations.push({
        checker: 'final reads',
        detail: `${where}: gave ${offset}, the log had ${missed.record.offset} since ${Math.round(missed.at)}`,
      });
    }
    if (entry === undefined) continue;
    const seen = records.filter(
      (each) => each.record.offset === offset && putValueOf(each) === entry.value,
    );
    if (seen.length === 0) {
      violations.push({
        checker: 'final reads',
        detail: `${where}: ${entry.value}@${offset} was never in the log`,
      });
    } else if (seen.every((each) => each.lostAt !== undefined && each.lostAt < asked)) {
      violations.push({
        checker: 'final reads',
        detail: `${where}: ${entry.value}@${offset} was lost by the log before`,
      });
    }
  }
  return violations;
}

function putValueOf({ record }: AppendedEver): string {
  const decoded = rawCodec.decode(record);
  return decoded.kind === 'live' ? decoded.value.toString() : '';
}

/** Within one run of a node, a key's version never goes back, as long as the log itself does not. */
export function checkMonotony(history: readonly Operation[]): Violation[] {
  const violations: Violation[] = [];
  const newest = new Map<string, { offset: number; doneAt: number }>();
  for (const operation of history) {
    if (operation.kind !== 'get' || operation.outcome !== 'ok' || operation.source !== 1) continue;
    const place = `${operation.node}/${operation.run}/${operation.key}`;
    const offset = operation.entry?.offset ?? -1;
    const before = newest.get(place);
    if (before !== undefined && operation.at >= before.doneAt && offset < before.offset) {
      violations.push({
        checker: 'monotony',
        detail: `${place}: ${offset} after ${before.offset}, at ${Math.round(operation.at)}`,
      });
    }
    if (before === undefined || offset >= before.offset) {
      newest.set(place, { offset, doneAt: operation.doneAt });
    }
  }
  return violations;
}
