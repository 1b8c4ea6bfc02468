import type { Convergence, DiskLoss, Operation } from './history.ts';

/** A stretch of one log's life: what happened in it, for the checkers. */
export class Recorder {
  readonly operations: Operation[] = [];
  readonly convergences: Convergence[] = [];
  readonly diskLosses: DiskLoss[] = [];
  readonly keys = new Set<string>();

  /** Keeps it and returns it. */
  keep(operation: Operation): Operation {
    this.operations.push(operation);
    this.keys.add(operation.key);
    return operation;
  }
}

/** Monotonic ms. */
export function now(): number {
  return performance.now();
}
