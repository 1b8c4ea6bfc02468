import type { World } from './faults.ts';
import type { Operation, ReadDone } from './history.ts';
import { WALL_START_MS } from './scheduler.ts';

/** What must have been reached for a set of runs to mean anything. */
export const STATES = [
  'rebuild',
  'rebuild after absence',
  'rebuild after dead readers',
  'halted',
  'foreign log at start',
  'torn tail',
  'evicted entry',
  'storage failure',
  'storage opened anew',
  'damaged table set aside',
  'log call lost',
  'record sent twice',
  'peer call lost',
  'peer call sent twice',
  'dead reader replaced',
  'lost entry saved',
  'tombstone dropped by the cleaner',
  'marker seen by a node long away',
  'acknowledged write truncated',
  'final read',
  'peer read',
  'answer of a peer',
  'behind read',
  'recovering read',
  'marker read',
  'read after a version',
  'version not yet applied',
  'write acknowledged',
  'write unknown',
  'write not written',
] as const;
export type State = (typeof STATES)[number];

/** How often a run has reached each of them. */
export function reachedBy(
  { nodes, log }: Pick<World, 'nodes' | 'log'>,
  history: readonly Operation[],
): Record<State, number> {
  const lines = (message: string) =>
    nodes.reduce((all, { counts }) => all + (counts.get(message) ?? 0), 0);
  const reads = (which: (read: Operation & ReadDone) => boolean) =>
    history.filter((each) => each.kind === 'get' && which(each)).length;
  const writes = (outcome: string) =>
    history.filter((each) => each.kind !== 'get' && each.outcome === outcome).length;
  const absences = new Map(nodes.map(({ name, absences }) => [name, absences]));
  const markerOfAbsence = ({ node, at, entry, source }: Operation & ReadDone) =>
    entry?.kind === 'marker' &&
    source === 1 &&
    absences.get(node)?.some(({ from, to }) => {
      const written = entry.timestamp - WALL_START_MS;
      return written > from && written < to && at > to;
    }) === true;
  return {
    rebuild: lines('rebuilt'),
    'rebuild after absence': lines('was away'),
    'rebuild after dead readers': lines('unreadable'),
    halted: lines('halted'),
    'foreign log at start': nodes.reduce((sum, { exits }) => sum + foreignAmong(exits), 0),
    'torn tail': nodes.reduce((sum, { disk }) => sum + disk.tornTails, 0),
    'evicted entry': lines('evicted'),
    'storage failure': lines('storage failed, nothing is applied'),
    'storage opened anew': lines('storage works again'),
    'damaged table set aside': lines('damaged table set aside'),
    'log call lost': lines('log call lost'),
    'record sent twice': lines('record sent twice'),
    'peer call lost': lines('peer call lost'),
    'peer call sent twice': lines('peer call sent twice'),
    'dead reader replaced': lines('dead reader'),
    'lost entry saved': lines('lost entry saved'),
    'tombstone dropped by the cleaner': log.tombstonesDropped,
    'marker seen by a node long away': reads(markerOfAbsence),
    'acknowledged write truncated': history.filter(
      (each) => each.kind !== 'get' && each.record?.lostAt !== undefined,
    ).length,
    'final read': reads(({ trust }) => trust === 'final'),
    'peer read': reads(({ trust }) => trust === 'peer'),
    'answer of a peer': reads(({ source }) => source === 2),
    'behind read': reads(({ trust }) => trust === 'behind'),
    'recovering read': reads(({ outcome }) => outcome === 'recovering'),
    'marker read': reads(({ entry }) => entry?.kind === 'marker'),
    'read after a version': reads(({ after, outcome }) => after !== undefined && outcome === 'ok'),
    'version not yet applied': reads(({ outcome }) => outcome === 'not_yet'),
    'write acknowledged': writes('ok'),
    'write unknown': writes('unknown'),
    'write not written': writes('not_written'),
  };
}

function foreignAmong(exits: readonly string[]): number {
  return exits.filter((reason) => /^(This is another log|The log is empty)/.test(reason)).length;
}
