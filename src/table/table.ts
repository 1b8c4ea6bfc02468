import type { LogIdentity } from '../log-identity.ts';
import { type Pace, type Storage, StorageError, type StorageOp } from '../storage/storage.ts';
import { emptyGeneration, type PartitionState } from './partition-state.ts';
import { StateText } from './state-text.ts';
import {
  entryKey,
  entryRange,
  IDENTITY_KEY,
  partitionKey,
  quarantineRange,
  userKeyOf,
} from './table-keys.ts';

/** The log that the table's entries come from, and how they were applied. */
export interface TableIdentity extends LogIdentity {
  readonly codec: string;
  /** APPLY_VERSION of the program that met the quarantined records. */
  readonly applyVersion: number;
}

/** Raised when a change of the program makes it read records that it could not read before. */
export const APPLY_VERSION = 1;

export interface PartitionChange {
  readonly partition: number;
  readonly state: PartitionState;
  readonly ops: readonly StorageOp[];
}

/**
 * The local state: entries per partition and generation, and beside them, in the same batches, the
 * positions and the log's identity. One writer (the applier), many readers.
 */
export class Table {
  readonly #storage: Storage;
  #identity: TableIdentity | undefined;
  #states: PartitionState[];
  readonly #text = new StateText();

  private constructor(
    storage: Storage,
    identity: TableIdentity | undefined,
    states: PartitionState[],
  ) {
    this.#storage = storage;
    this.#identity = identity;
    this.#states = states;
  }

  static async load(storage: Storage): Promise<Table> {
    const [bytes] = await storage.getMany([IDENTITY_KEY]);
    if (bytes === undefined) return new Table(storage, undefined, []);
    const identity = parse<TableIdentity>(bytes, 'identity');
    const keys = Array.from({ length: identity.partitions }, (_, p) => partitionKey(p));
    const stored = await storage.getMany(keys);
    const states = stored.map((state, p): PartitionState => {
      if (state === undefined) {
        throw new StorageError(`the state of partition ${p} is missing`, undefined, 'corrupt');
      }
      return parse<PartitionState>(state, `state of partition ${p}`);
    });
    const table = new Table(storage, identity, states);
    for (const p of states.keys()) await table.clearUnused(p);
    return table;
  }

  /** undefined until the log was met for the first time. */
  get identity(): TableIdentity | undefined {
    return this.#identity;
  }

  /** The number of partitions; 0 until the log was met for the first time. */
  get partitions(): number {
    return this.#states.length;
  }

  state(partition: number): PartitionState {
    const state = this.#states[partition];
    if (state === undefined) throw new RangeError(`no partition ${partition}`);
    return state;
  }

  states(): readonly PartitionState[] {
    return this.#states;
  }

  /** Makes an empty table that of a log, or renews the apply version. */
  async adopt(identity: TableIdentity): Promise<void> {
    const fresh = this.#identity === undefined;
    const states = fresh
      ? Array.from({ length: identity.partitions }, () => ({
          active: emptyGeneration(1, 0),
          next: undefined,
        }))
      : this.#states;
    const ops: StorageOp[] = [
      { type: 'put', key: IDENTITY_KEY, value: Buffer.from(JSON.stringify(identity)) },
    ];
    if (fresh) for (const [p, state] of states.entries()) ops.push(this.#stateOp(p, state));
    await this.#storage.write(ops, { sync: true });
    this.#identity = identity;
    this.#states = states;
  }

  /** Entries and states in one batch; the states are the new ones once it is committed. */
  async commit(
    changes: readonly PartitionChange[],
    options: { readonly sync?: boolean } = {},
  ): Promise<void> {
    const ops: StorageOp[] = [];
    for (const change of changes) {
      for (const op of change.ops) ops.push(op);
      ops.push(this.#stateOp(change.partition, change.state));
    }
    await this.#storage.write(ops, options);
    for (const change of changes) this.#states[change.partition] = change.state;
  }

  /** The stored entries of keys of one generation (default: the active one), in their order. */
  readMany(
    partition: number,
    keys: readonly Buffer[],
    generation: number = this.state(partition).active.generation,
  ): Promise<(Buffer | undefined)[]> {
    return this.#storage.getMany(keys.map((key) => entryKey(partition, generation, key)));
  }

  /**
   * All stored entries of a generation as of the first step, in the order of their keys' bytes.
   * @param pace as `KeyRange` has it
   */
  async *scan(
    partition: number,
    generation: number,
    pace?: Pace,
  ): AsyncGenerator<readonly { readonly key: Buffer; readonly entry: Buffer }[]> {
    const range = { ...entryRange(partition, generation), ...(pace && { pace }) };
    for await (const pairs of this.#storage.iterate(range)) {
      yield pairs.map(([place, entry]) => ({ key: userKeyOf(place), entry }));
    }
  }

  /** Removes what generations that are no longer used have left; what a crash interrupts is taken up again. */
  async clearUnused(partition: number): Promise<void> {
    const { uncleared = [] } = this.state(partition);
    if (uncleared.length === 0) return;
    for (const generation of uncleared) {
      await this.#storage.clear(entryRange(partition, generation));
      await this.#storage.clear(quarantineRange(partition, generation));
    }
    const { uncleared: _, ...state } = this.state(partition);
    await this.commit([{ partition, state, ops: [] }]);
  }

  #stateOp(partition: number, state: PartitionState): StorageOp {
    return { type: 'put', key: partitionKey(partition), value: Buffer.from(this.#text.of(state)) };
  }
}

function parse<T>(bytes: Buffer, what: string): T {
  try {
    return JSON.parse(bytes.toString('utf8')) as T;
  } catch (error) {
    throw new StorageError(`the table's ${what} cannot be read`, error, 'corrupt');
  }
}
