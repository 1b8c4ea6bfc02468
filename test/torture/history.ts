/** What one client saw of one operation. Times are monotonic ms of the one process that runs all clients. */
export interface Operation {
  readonly door: 'http' | 'avro' | 'kcat';
  /** The node that was asked; undefined where the client chose. */
  readonly node: string | undefined;
  /** The node's run (1, 2, …) that answered; undefined where it may have been either of two. */
  readonly run: number | undefined;
  readonly kind: 'put' | 'get' | 'delete';
  readonly key: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: Outcome;
  /** HTTP's; 0: no answer. */
  readonly status: number;
  /** Of an error. */
  readonly code?: string | undefined;
  /** Written, or read; undefined: none. */
  readonly value?: string | undefined;
  /** `<partition>:<offset>` of the write, or of the entry or marker that was read. */
  readonly version?: string | undefined;
  /** Of a read: `Bitacora-Read`. */
  readonly trust?: string | undefined;
  /** Of a read: the answering node's own log (1) or a peer (2), where the answer tells. */
  readonly source?: 1 | 2 | undefined;
  /** Of a read: the version that it was told to wait for. */
  readonly after?: string | undefined;
}

/**
 * `ok`: acknowledged, found, or known to be absent · `not_written`, `unknown`: of a write that failed ·
 * `refused`: a read that was answered with an error, or an answer that nothing allows · `no_answer`.
 */
export type Outcome = 'ok' | 'not_written' | 'unknown' | 'refused' | 'no_answer';

/** A record that an independent consumer met. */
export interface WitnessedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  /** undefined: a delete. */
  readonly value: string | undefined;
  /** A delete without a value, which compaction takes away. */
  readonly passing: boolean;
  /** When the consumer had it; monotonic ms. */
  readonly seenAt: number;
}

/** Offsets that the independent consumer never met: compaction was faster. `to` is the first that it met again. */
export interface WitnessGap {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** A moment at which all nodes were seen to equal the log, with nothing being written. */
export interface Convergence {
  readonly at: number;
  /** The newest version per key, deletes included. */
  readonly versions: ReadonlyMap<string, string>;
}

/** When a node lost its disk: what it knew before is gone. */
export interface DiskLoss {
  readonly node: string;
  readonly at: number;
}

export interface History {
  readonly operations: readonly Operation[];
  readonly witnessed: readonly WitnessedRecord[];
  readonly gaps: readonly WitnessGap[];
  /** What the log held at the end: the newest record per key. */
  readonly final: ReadonlyMap<string, FinalRecord>;
  readonly convergences: readonly Convergence[];
  readonly diskLosses: readonly DiskLoss[];
}

export interface FinalRecord {
  readonly version: string;
  /** undefined: a delete. */
  readonly value: string | undefined;
}

export function offsetOf(version: string): number {
  return Number(version.slice(version.indexOf(':') + 1));
}

export function partitionOf(version: string): number {
  return Number(version.slice(0, version.indexOf(':')));
}
