import type { Random } from '../../simulation/scheduler.ts';
import type { TortureNode } from '../torture-node.ts';
import type { World } from '../world.ts';

/** What a fault needs for itself while it lasts. */
export type FaultPart = 'kafka' | 'zookeeper' | 'node 1' | 'node 2' | 'node 3' | 'disk';

export interface FaultContext {
  readonly world: World;
  readonly random: Random;
  /** Counts events of a kind, for the summary. */
  count(what: string, times?: number): void;
  /** A promise that was seen broken. */
  violated(checker: string, detail: string): void;
}

/** A fault, ready to strike: what it hits was chosen. */
export interface Strike {
  readonly parts: readonly FaultPart[];
  /** What it hits, for people. */
  readonly target: string;
  /** Breaks and heals. Resolves once all is healed; the nodes may still be on their way back. */
  run(context: FaultContext): Promise<void>;
}

export interface Fault {
  readonly name: string;
  aim(world: World, random: Random): Strike;
}

const NODE_PARTS = ['node 1', 'node 2', 'node 3'] as const;

/** A fault of one node, chosen at random. */
export function faultOfNode(
  name: string,
  run: (node: TortureNode, context: FaultContext) => Promise<void>,
  more: readonly FaultPart[] = [],
): Fault {
  return {
    name,
    aim(world, random) {
      const index = random.integer(0, world.nodes.length - 1);
      const node = world.nodes[index] as TortureNode;
      const part = NODE_PARTS[index] as FaultPart;
      return {
        parts: [part, ...more],
        target: node.name,
        run: (context) => run(node, context),
      };
    },
  };
}

/** A fault of what all nodes share, or of all of them. */
export function faultOf(
  name: string,
  parts: readonly FaultPart[],
  run: (context: FaultContext) => Promise<void>,
): Fault {
  const target = parts.includes('node 1') ? 'all nodes' : (parts[0] ?? '');
  return { name, aim: () => ({ parts, target, run }) };
}

export const ALL_NODES: readonly FaultPart[] = NODE_PARTS;
