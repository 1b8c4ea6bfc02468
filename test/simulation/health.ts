import { filling } from '../../src/table/partition-state.ts';
import type { Violation } from './checkers.ts';
import type { World } from './faults.ts';
import { readableEnd } from './sim-log.ts';
import type { SimNode } from './sim-node.ts';

const LOOKED_EVERY_MS = 500;
/** Ten seconds, and what it takes to notice that they have begun. */
const STANDS_STILL_MS = 13_000;

/** `/health` may not say OK where the log answers, has more to read, and nothing was applied for so long. */
export function watchHealth(
  { scheduler, log, nodes }: World,
  report: (violation: Violation) => void,
): { stop: () => void } {
  const ours = log.current;
  const still = new Map<SimNode, { readonly since: number; readonly positions: string }>();
  let stopped = false;
  const look = (node: SimNode) => {
    const states = node.core?.table.states() ?? [];
    const ends = log.current.partitions.map(readableEnd);
    const behind = states.some((each, p) => (ends[p] ?? 0) > filling(each).position);
    const reads = log.up && log.current === ours && node.reachesLog && !node.frozen;
    if (!behind || !reads || node.core?.healthy() !== true) return void still.delete(node);
    // While the log does not answer nothing can be told, so an outage begins the time anew.
    const life = [node.run, log.outages, node.cuts];
    const places = states.map(filling).map((each) => `${each.generation}:${each.position}`);
    const positions = `${life}/${places}`;
    const before = still.get(node);
    if (before?.positions !== positions) {
      return void still.set(node, { since: scheduler.now, positions });
    }
    if (scheduler.now - before.since < STANDS_STILL_MS) return;
    still.delete(node);
    const detail = `${node.name} is healthy at ${scheduler.now} and has stood still since ${before.since}`;
    report({ checker: 'health', detail });
  };
  const turn = () => {
    if (stopped) return;
    for (const node of nodes) look(node);
    scheduler.after(LOOKED_EVERY_MS, turn);
  };
  turn();
  return {
    stop: () => {
      stopped = true;
    },
  };
}
