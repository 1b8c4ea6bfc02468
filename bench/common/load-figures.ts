import type { Figure, Measured } from '../frame/bench.ts';
import type { LoadFigures } from './load.ts';

/** What a load tells. */
export const LOAD_FIGURES: readonly Figure[] = [
  { name: 'cpu', unit: 'us/op', digits: 1 },
  { name: 'rate', unit: 'op/s' },
  { name: 'p50', unit: 'ms', digits: 2 },
  { name: 'p99', unit: 'ms', digits: 2 },
];

export function measuredLoad({ cpu, perSecond, p50, p99 }: LoadFigures): Measured {
  return { cpu, rate: perSecond, p50, p99 };
}
