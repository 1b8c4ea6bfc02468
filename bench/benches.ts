import type { Bench } from './frame/bench.ts';
import { memoryBench } from './memory/memory.ts';

/** All benches, in the order in which they run. */
export const BENCHES: readonly Bench[] = [memoryBench];
