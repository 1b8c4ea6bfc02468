import type { EntryKind } from '../../src/entry.ts';
import type { ReadTrust } from '../../src/store/key-value-store.ts';
import type { AppendedEver } from './sim-log.ts';

/** One operation of one client, as its client saw it. Times are simulated ms. */
export type Operation = {
  readonly node: string;
  /** The node's run at the call. */
  readonly run: number;
  /** `Bitacora-Log` of the answer: which log the node's state comes from; undefined: none yet. */
  readonly logId: string | undefined;
  /** When the state of the node began from nothing. */
  readonly bornAt: number;
  readonly key: string;
  readonly at: number;
  readonly doneAt: number;
  /** How many had been answered when it began: much happens in one moment where a process stood still. */
  readonly answeredBefore: number;
} & (ReadDone | WriteDone);

export interface ReadDone {
  readonly kind: 'get';
  /** `ok`, an outcome or an error's code. */
  readonly outcome: string;
  /** The read carried the version of this record. */
  readonly after?: AppendedEver | undefined;
  readonly trust?: ReadTrust;
  readonly partition?: number;
  readonly position?: number;
  readonly source?: 1 | 2;
  readonly entry?: {
    readonly kind: EntryKind;
    readonly offset: number;
    readonly timestamp: number;
    readonly value: string;
  };
}

export interface WriteDone {
  readonly kind: 'put' | 'delete';
  readonly outcome: string;
  readonly value?: string;
  /** The record that was acknowledged. */
  readonly record?: AppendedEver | undefined;
}
