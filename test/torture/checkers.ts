import { type History, type Operation, offsetOf, partitionOf } from './history.ts';
import { type AcknowledgedWrite, HistoryIndex, type Read } from './history-index.ts';
import { KeyTimeline } from './key-timeline.ts';

/** A violation of a promise, with what shows it. */
export interface Violation {
  readonly checker: string;
  readonly detail: string;
}

/** `STALE_AFTER_MS` of the nodes: a final read has seen what the log had this long before it began. */
export const STALE_AFTER_MS = 100;

const CHECKERS = {
  durability: checkDurability,
  'final reads': checkFinalReads,
  'own writes': checkOwnWrites,
  monotony: checkMonotony,
  'no way back': checkNoWayBack,
  'not written': checkNotWritten,
  'after a version': checkAfter,
  answers: checkAnswers,
  truth: checkTruth,
} satisfies Record<string, (index: HistoryIndex) => string[]>;

export type CheckerName = keyof typeof CHECKERS;
export const CHECKER_NAMES = Object.keys(CHECKERS) as CheckerName[];

export function checkHistory(history: History): Violation[] {
  const index = new HistoryIndex(history);
  return CHECKER_NAMES.flatMap((checker) =>
    CHECKERS[checker](index).map((detail) => ({ checker, detail })),
  );
}

/** Every acknowledged write is in the log where its answer says, or may have been compacted away since. */
function checkDurability(index: HistoryIndex): string[] {
  const { final, gaps } = index.history;
  return index.writes.flatMap((write) => {
    const { key, version, value, kind, door } = write;
    if (version === undefined) {
      // Avro and kcat tell no version; a delete has no value that could be looked for.
      if (kind === 'delete' || gaps.length > 0) return [];
      return [`${told(write)}: never in the log`];
    }
    const record = index.recordAt(version);
    if (record !== undefined && (record.key !== key || record.value !== value)) {
      return [`${told(write)}: the log has ${record.key} = ${record.value} there`];
    }
    if (record === undefined && !index.missed(partitionOf(version), offsetOf(version))) {
      return [`${told(write)}: the log has nothing there`];
    }
    const last = final.get(key);
    const there = last !== undefined && partitionOf(last.version) === partitionOf(version);
    if (there && offsetOf(last.version) >= offsetOf(version)) return [];
    return [`${told(write)} by ${door}: the log ends with ${last?.version} = ${last?.value}`];
  });
}

/**
 * A final read is not older than what anyone knew to be in the log `STALE_AFTER_MS` before it began:
 * what was acknowledged, what an independent consumer had met.
 */
function checkFinalReads(index: HistoryIndex): string[] {
  const known = new KeyTimeline();
  for (const { key, endedAt, version } of index.writes) {
    if (version !== undefined) known.add(key, endedAt, offsetOf(version));
  }
  for (const { key, seenAt, offset } of index.history.witnessed) known.add(key, seenAt, offset);
  return index.reads.flatMap((read) => {
    if (read.trust !== 'final') return [];
    return olderThan(read, known, read.key, read.startedAt - STALE_AFTER_MS);
  });
}

/** A final read sees at once what its node has acknowledged. */
function checkOwnWrites(index: HistoryIndex): string[] {
  const acknowledged = new KeyTimeline();
  for (const write of index.writes) {
    if (write.run === undefined || write.version === undefined) continue;
    acknowledged.add(placeOf(write), write.endedAt, offsetOf(write.version));
  }
  return index.reads.flatMap((read) => {
    if (read.trust !== 'final' || read.run === undefined) return [];
    return olderThan(read, acknowledged, placeOf(read), read.startedAt);
  });
}

/** What a node answers from its own log never goes back within one run of it. */
function checkMonotony(index: HistoryIndex): string[] {
  const own = index.reads.filter(({ source, run }) => source === 1 && run !== undefined);
  const seen = new KeyTimeline();
  for (const read of own) {
    if (read.offset !== undefined) seen.add(placeOf(read), read.endedAt, read.offset);
  }
  return own.flatMap((read) => olderThan(read, seen, placeOf(read), read.startedAt));
}

/**
 * After a convergence nobody answers what is older: a deleted key stays deleted. A node that lost
 * its disk since then knows nothing of it and may be behind, if it says so.
 */
function checkNoWayBack(index: HistoryIndex): string[] {
  const { convergences, diskLosses } = index.history;
  const known = new KeyTimeline();
  for (const { at, versions } of convergences) {
    for (const [key, version] of versions) known.add(key, at, offsetOf(version));
  }
  return index.reads.flatMap((read) => {
    const converged = convergences.findLast(({ at }) => at < read.startedAt)?.at ?? 0;
    const lost = diskLosses.some(
      ({ node, at }) => at > converged && at < read.endedAt && (read.node ?? node) === node,
    );
    if (lost && read.trust !== 'final') return [];
    return olderThan(read, known, read.key, read.startedAt);
  });
}

/** What was answered as not written never appears. */
function checkNotWritten(index: HistoryIndex): string[] {
  return index.history.operations.flatMap((write) => {
    if (write.outcome !== 'not_written' || write.value === undefined) return [];
    const record = index.recordOf(write.value);
    if (record === undefined) return [];
    return [`${told(write)}: it is in the log at ${record.partition}:${record.offset}`];
  });
}

/** A read that named a version has seen it. */
function checkAfter(index: HistoryIndex): string[] {
  return index.reads.flatMap((read) => {
    const { after, offset } = read;
    if (after === undefined || offset === undefined || offset >= offsetOf(after)) return [];
    return [`${told(read)}: asked for ${after}`];
  });
}

const REFUSALS = new Set(['recovering', 'not_yet', 'log_unavailable', 'overloaded']);

/** Nothing but what the contract names: 200, 404 for a read, 503 with its code, for a write with its outcome. */
function checkAnswers(index: HistoryIndex): string[] {
  return index.history.operations.flatMap((operation) => {
    const { kind, status, code, outcome, door } = operation;
    if (outcome === 'ok' || outcome === 'no_answer') return [];
    if (door !== 'http') return outcome === 'refused' ? [`${told(operation)}: ${code}`] : [];
    const known = status === 503 && REFUSALS.has(code ?? '');
    if (known && (kind === 'get' || outcome !== 'refused')) return [];
    return [`${told(operation)}: ${status} ${code}`];
  });
}

/** A read gives the value of the version that it names, and only what somebody wrote under that key. */
function checkTruth(index: HistoryIndex): string[] {
  const written = new Set(
    index.history.operations
      .filter(({ kind }) => kind === 'put')
      .map(({ key, value }) => `${key}\0${value}`),
  );
  return index.reads.flatMap((read) => {
    const { key, value, version } = read;
    if (value !== undefined && !written.has(`${key}\0${value}`)) {
      return [`${told(read)}: nobody wrote that`];
    }
    const record = version === undefined ? undefined : index.recordAt(version);
    if (record === undefined || (record.key === key && record.value === value)) return [];
    return [`${told(read)}: the log has ${record.key} = ${record.value} there`];
  });
}

/** A complaint when the read is older than what the timeline knew at `moment`. */
function olderThan(read: Read, known: KeyTimeline, key: string, moment: number): string[] {
  const floor = known.newestBefore(key, moment);
  if (floor === undefined || read.offset === undefined || read.offset >= floor.offset) return [];
  const since = Math.round(read.startedAt - floor.since);
  return [`${told(read)}: offset ${floor.offset} was known ${since} ms before it began`];
}

function placeOf({ node, run, key }: Operation | AcknowledgedWrite): string {
  return `${node}/${run}/${key}`;
}

function told(operation: Operation): string {
  const { kind, key, node, run, door, startedAt, endedAt, version, value, trust } = operation;
  const what = [kind, key, value, version, trust].filter((each) => each !== undefined).join(' ');
  const where = node === undefined ? door : `${node} run ${run}`;
  return `${what} (${where}, ${Math.round(startedAt)} to ${Math.round(endedAt)} ms)`;
}
