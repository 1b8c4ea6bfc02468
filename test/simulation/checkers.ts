import { rawCodec } from '../../src/codec/raw-codec.ts';
import { formatLogId } from '../../src/log-identity.ts';
import type { Operation, ReadDone } from './history.ts';
import type { AppendedEver, SimLog } from './sim-log.ts';
import { STALE_AFTER_MS } from './sim-node.ts';

/** A violation of a promise, with what shows it. */
export interface Violation {
  readonly checker: string;
  readonly detail: string;
}

export interface Evidence {
  readonly history: readonly Operation[];
  readonly log: SimLog;
  /** Moments at which the topic was re-created under clients that kept their connection. */
  readonly silentChanges: readonly number[];
}

type Read = Operation & ReadDone;

/** How long a topic that is re-created under a running client may go unnoticed. */
const SILENT_CHANGE_MS = 500;

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

/** Everything that can be told from what the clients saw and what was ever in the log. */
export function checkHistory({ history, log, silentChanges }: Evidence): Violation[] {
  const ourLog = formatLogId(log.current.identity);
  const { topicId } = log.current.identity;
  const byKey = recordsByKey(log);
  const unnoticed = (at: number) =>
    silentChanges.some((moment) => at >= moment && at <= moment + SILENT_CHANGE_MS);
  const violations: Violation[] = [];
  const fail = (checker: string, detail: string) => violations.push({ checker, detail });
  const order = new Order(fail, byKey, log.truncations, silentChanges);
  for (const operation of history) {
    // Who was given another log when he had none holds that one: its answers say so.
    if ((operation.logId ?? ourLog) !== ourLog) continue;
    if (operation.kind === 'get' && !unnoticed(operation.at) && !unnoticed(operation.doneAt)) {
      checkAfter(operation, byKey, log, fail);
    }
    if (operation.outcome !== 'ok') continue;
    const records = byKey.get(operation.key) ?? [];
    if (operation.kind === 'get') {
      if (unnoticed(operation.at)) continue;
      checkAbsence(operation, records, fail);
      if (operation.trust === 'final') checkFinal(operation, records, fail);
      order.check(operation);
    } else {
      const { record } = operation;
      if (record !== undefined && record.topicId !== topicId && unnoticed(operation.doneAt))
        continue;
      checkDurable(operation, topicId, records, log, fail);
    }
  }
  return violations;
}

/** What was ever appended to the log that the nodes belong to, in the order of time. */
function recordsByKey(log: SimLog): ReadonlyMap<string, readonly AppendedEver[]> {
  const byKey = new Map<string, AppendedEver[]>();
  for (const each of log.ever) {
    if (each.topicId !== log.current.identity.topicId) continue;
    const key = each.record.key?.toString() ?? '';
    const list = byKey.get(key);
    if (list === undefined) byKey.set(key, [each]);
    else list.push(each);
  }
  return byKey;
}

type Fail = (checker: string, detail: string) => void;

/** A key that was there for readers before the node's state began is never said to be absent. */
function checkAbsence(read: Read, records: readonly AppendedEver[], fail: Fail): void {
  const { key, node, at, doneAt, bornAt, entry } = read;
  if (entry !== undefined) return;
  const newest = records.findLast(
    ({ at, readableAt = at, lostAt }) => readableAt < bornAt && lostAt === undefined,
  );
  if (newest === undefined || newest.droppedAt !== undefined) return;
  if (forgotten(records, newest.record.offset, doneAt)) return;
  fail('absence', `${key} on ${node} at ${Math.round(at)}: the log had ${newest.record.offset}`);
}

/** A read that carries a version sees it, or what came after it, or says that it cannot tell yet. */
function checkAfter(
  { key, node, outcome, after, entry, doneAt }: Read,
  byKey: ReadonlyMap<string, readonly AppendedEver[]>,
  log: SimLog,
  fail: Fail,
): void {
  if (after?.topicId !== log.current.identity.topicId) return;
  if (after.lostAt !== undefined && after.lostAt <= doneAt) return;
  const { partition, offset } = after.record;
  const where = `${key} on ${node} at ${Math.round(doneAt)}, after ${partition}:${offset}`;
  if (outcome === 'bad_version') fail('after', `${where}: the version is denied`);
  if (outcome !== 'ok' || (entry?.offset ?? -1) >= offset) return;
  if (entry === undefined && forgotten(byKey.get(key) ?? [], offset, doneAt)) return;
  fail('after', `${where}: gave ${entry?.offset}`);
}

/** An acknowledged write is in the log, or a newer record of its key is, unless the log itself lost it. */
function checkDurable(
  operation: Operation,
  topicId: string,
  records: readonly AppendedEver[],
  log: SimLog,
  fail: Fail,
): void {
  if (operation.kind === 'get') return;
  const { record, key } = operation;
  const where = `${operation.kind} ${key} on ${operation.node}, acknowledged at ${Math.round(operation.doneAt)}`;
  if (record === undefined) {
    fail('durability', `${where}: never appended`);
    return;
  }
  if (record.topicId !== topicId) {
    fail('durability', `${where}: by another log ${record.topicId}`);
    return;
  }
  if (record.lostAt !== undefined) return;
  const { partition, offset } = record.record;
  const there = log
    .partition(partition)
    .records.some((each) => each.offset >= offset && each.key?.toString() === key);
  const dropped = records.some(
    (each) => each.record.offset >= offset && each.droppedAt !== undefined,
  );
  if (!there && !dropped) fail('durability', `${where}: ${partition}:${offset} is not in the log`);
}

/**
 * A final read has seen every record of its key that was in the log when the log was asked, and
 * nothing that the log had lost by then.
 */
function checkFinal(read: Read, records: readonly AppendedEver[], fail: Fail): void {
  const { key, at, doneAt, entry } = read;
  const asked = at - STALE_AFTER_MS;
  const offset = entry?.offset ?? -1;
  const where = `${key} on ${read.node} at ${Math.round(at)}`;
  const newest = records.findLast(
    (each) => each.at < asked && (each.lostAt === undefined || each.lostAt > doneAt),
  );
  if (newest !== undefined && newest.record.offset > offset) {
    // A null tombstone that the cleaner has removed leaves nothing: then absence is right.
    const gone = newest.droppedAt !== undefined && entry === undefined;
    const deleted = rawCodec.decode(newest.record).kind === 'marker';
    if (!gone) {
      fail(
        deleted ? 'deletes' : 'final reads',
        `${where}: gave ${offset}, the log had ${newest.record.offset} since ${Math.round(newest.at)}`,
      );
    }
  }
  if (entry === undefined) return;
  const seen = records.filter((each) => each.record.offset === offset && says(each, entry));
  if (seen.length === 0) {
    fail('final reads', `${where}: ${entry.value}@${offset} was never in the log`);
  } else if (seen.every((each) => each.lostAt !== undefined && each.lostAt < asked)) {
    fail('final reads', `${where}: ${entry.value}@${offset} was lost by the log before`);
  }
}

function says({ record }: AppendedEver, entry: NonNullable<ReadDone['entry']>): boolean {
  const decoded = rawCodec.decode(record);
  const value = decoded.kind === 'live' ? decoded.value.toString() : '';
  return (
    decoded.kind === entry.kind && value === entry.value && record.timestamp === entry.timestamp
  );
}

/**
 * Within one run of a node neither a key's version nor a partition's position goes back from one
 * final read to a later one, nor a version of its own state, unless the log lost what was seen.
 */
class Order {
  readonly #fail: Fail;
  readonly #byKey: ReadonlyMap<string, readonly AppendedEver[]>;
  readonly #truncations: SimLog['truncations'];
  readonly #silentChanges: readonly number[];
  readonly #versions = new Map<string, Read>();
  readonly #positions = new Map<string, Read>();

  constructor(
    fail: Fail,
    byKey: ReadonlyMap<string, readonly AppendedEver[]>,
    truncations: SimLog['truncations'],
    silentChanges: readonly number[],
  ) {
    this.#fail = fail;
    this.#byKey = byKey;
    this.#truncations = truncations;
    this.#silentChanges = silentChanges;
  }

  check(read: Read): void {
    if (read.trust !== 'peer') this.#version(read);
    if (read.trust === 'final') this.#position(read);
  }

  #version(read: Read): void {
    const place = `${read.node}/${read.run}/${read.key}`;
    const before = this.#versions.get(place);
    const offset = read.entry?.offset ?? -1;
    const seen = before?.entry?.offset ?? -1;
    if (before !== undefined && read.at >= before.doneAt && offset < seen) {
      const records = this.#byKey.get(read.key) ?? [];
      const excused =
        (before.trust === 'behind' && this.#mixedIn(before, records)) ||
        (read.entry === undefined && forgotten(records, seen, read.doneAt)) ||
        records.some(
          ({ record, lostAt }) =>
            record.offset === seen && lostAt !== undefined && lostAt < read.doneAt,
        );
      if (!excused) this.#fail('monotony', `${place}: version ${offset} after ${seen}`);
    }
    if (before === undefined || offset >= seen || read.at >= before.doneAt) {
      this.#versions.set(place, read);
    }
  }

  /** Not final, and of the topic that was re-created under the client: allowed until that is noticed. */
  #mixedIn({ entry, at }: Read, records: readonly AppendedEver[]): boolean {
    if (entry === undefined || !this.#silentChanges.some((moment) => moment <= at)) return false;
    return !records.some((each) => each.record.offset === entry.offset && says(each, entry));
  }

  #position(read: Read): void {
    const place = `${read.node}/${read.run}/partition ${read.partition}`;
    const before = this.#positions.get(place);
    const [position, seen] = [read.position ?? 0, before?.position ?? 0];
    if (before !== undefined && read.at >= before.doneAt && position < seen) {
      const lost = this.#truncations.some(
        ({ partition, end, at }) => partition === read.partition && end <= seen && at < read.doneAt,
      );
      if (!lost) this.#fail('monotony', `${place}: position ${position} after ${seen}`);
    }
    if (before === undefined || position >= seen || read.at >= before.doneAt) {
      this.#positions.set(place, read);
    }
  }
}

/** A null tombstone beyond an offset is gone from the log: whoever fills a partition anew finds nothing. */
function forgotten(records: readonly AppendedEver[], offset: number, at: number): boolean {
  return records.some(
    ({ record, droppedAt }) => record.offset >= offset && droppedAt !== undefined && droppedAt < at,
  );
}

/** A node's final reads see the writes that it has acknowledged. */
export function checkOwnWrites({ history, log }: Evidence): Violation[] {
  const violations: Violation[] = [];
  const ourLog = formatLogId(log.current.identity);
  const byKey = recordsByKey(log);
  const newest = new Map<string, { readonly i: number; readonly record: AppendedEver }[]>();
  for (const [i, operation] of history.entries()) {
    if (operation.outcome !== 'ok' || (operation.logId ?? ourLog) !== ourLog) continue;
    const place = `${operation.node}/${operation.run}/${operation.key}`;
    if (operation.kind !== 'get') {
      const { record } = operation;
      const list = newest.get(place) ?? [];
      if (record !== undefined) list.push({ i, record });
      newest.set(place, list);
    } else if (operation.trust === 'final') {
      const offset = operation.entry?.offset ?? -1;
      const missed = newest
        .get(place)
        ?.find(
          ({ i, record }) =>
            i < operation.answeredBefore &&
            record.record.offset > offset &&
            record.lostAt === undefined &&
            record.topicId === log.current.identity.topicId,
        );
      if (missed === undefined) continue;
      const records = byKey.get(operation.key) ?? [];
      const { offset: own } = missed.record.record;
      if (operation.entry === undefined && forgotten(records, own, operation.doneAt)) continue;
      violations.push({
        checker: 'own writes',
        detail: `${place}: ${offset} at ${Math.round(operation.at)}, ${own} was acknowledged before`,
      });
    }
  }
  return violations;
}
