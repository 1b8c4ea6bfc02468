import type { Anchor } from './anchors.ts';

/** One filling of a partition's entries from the log: its name in storage, how far, and its counts. */
export interface GenerationState {
  readonly generation: number;
  /** The next offset to apply. */
  readonly position: number;
  /** Live keys, unreadable ones included. */
  readonly entries: number;
  /** Deleted keys. */
  readonly markers: number;
  /** Bytes of keys and values of the live ones. */
  readonly bytes: number;
  /** Records met that may not be applied or cannot be read. */
  readonly quarantined: number;
  /** Of these, records whose keys have their home in another partition; absent: none. */
  readonly strays?: number;
  /** Whether it has ever reached an end of the log. */
  readonly recovered: boolean;
  /** Newest first. */
  readonly anchors: readonly Anchor[];
  /** Wall time (ms) of the last moment known to be fresh; 0: never. */
  readonly freshAt: number;
  /** Filled from a compacted log and not fresh since: no state that the log ever had. Absent: no. */
  readonly patchy?: boolean;
}

/**
 * What a node knows of a partition, committed beside its entries. `next` is a rebuild under way:
 * reads are answered from `active`, records are applied to `next`.
 */
export interface PartitionState {
  readonly active: GenerationState;
  readonly next?: GenerationState | undefined;
  /** While rebuilding: entries made at or above this offset may be gone from the log. */
  readonly doubtFrom?: number;
  /** Generations that are no longer used and may not be cleared yet. */
  readonly uncleared?: readonly number[];
}

export function emptyGeneration(generation: number, position: number): GenerationState {
  return {
    generation,
    position,
    entries: 0,
    markers: 0,
    bytes: 0,
    quarantined: 0,
    recovered: false,
    anchors: [],
    freshAt: 0,
  };
}

/** The generation that records are applied to. */
export function filling(state: PartitionState): GenerationState {
  return state.next ?? state.active;
}

export function withFilling(state: PartitionState, generation: GenerationState): PartitionState {
  return state.next === undefined
    ? { ...state, active: generation }
    : { ...state, next: generation };
}
