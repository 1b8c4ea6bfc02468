import type { LogIdentity } from '../log-identity.ts';
import type { LogRecord } from '../record.ts';

/**
 * The log: a fixed number of partitions, each an ordered sequence of records with rising offsets.
 * Two engines (a Kafka topic, an embedded log) and the simulator's pass one contract suite.
 */

/** What `connect` found. */
export interface LogDescription {
  readonly identity: LogIdentity;
  /** Largest key + value, in bytes, that one append may carry, or undefined where it could not be read. */
  readonly recordBytesMax: number | undefined;
  /** How long null tombstones stay, ms; undefined where it could not be read. */
  readonly deleteRetentionMs: number | undefined;
  /** Whether the log may elect a leader that lacks acknowledged records; undefined: could not be read. */
  readonly uncleanElection: boolean | undefined;
  /** Whether a record's timestamp is the log's append time. */
  readonly appendTime: boolean;
  /** Unsafe settings, one line each, for `/status`. */
  readonly warnings: readonly string[];
}

export interface AppendRequest {
  readonly partition: number;
  /** Never empty. */
  readonly key: Buffer;
  /** Never empty: an empty value has its own encoding in `codec/`. */
  readonly value: Buffer;
  /** ASCII header values. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

export interface Appended {
  readonly offset: number;
  /** The log's append time, ms. */
  readonly timestamp: number;
}

/** Offsets of one partition: `start` is the oldest still there, `end` the next to be written. */
export interface PartitionBounds {
  readonly start: number;
  readonly end: number;
  /** How far readers get: as `readableEnds`. */
  readonly readable: number;
}

/** The step of a reader: records in order per partition, and positions stepped to without a record. */
export interface ReadBatch {
  readonly records: readonly LogRecord[];
  /**
   * Per partition, a next offset that reading has reached beyond its records (an end met, control
   * records passed). May repeat what the records say; never goes past a record not yet delivered.
   */
  readonly reached: readonly { readonly partition: number; readonly offset: number }[];
}

/** A reader of all partitions. Not calling `next` is the back-pressure. */
export interface WalReader {
  /**
   * Up to `max` records, waiting at most some 50 ms for the first one; empty when none came.
   * One call at a time. Rejects when the reader is dead or has lost a partition: the caller
   * closes it and opens another one.
   */
  next(max: number): Promise<ReadBatch>;
  /** Goes on reading one partition at `offset`. Not while a `next` is pending. */
  seek(partition: number, offset: number): Promise<void>;
  close(): Promise<void>;
}

/** What a log tells by itself. Callbacks must not throw. */
export interface WalEvents {
  /** Contact with the log was lost or has come back. */
  readonly contact?: (connected: boolean) => void;
  /** Something hints that this is no longer the same log; `identity()` decides. */
  readonly identityDoubt?: (why: string) => void;
  /** What `/status` is to warn of from now on (text) or no longer (undefined), by a stable name. */
  readonly warning?: (name: string, line: string | undefined) => void;
}

export interface Wal {
  readonly kind: 'kafka' | 'embedded';
  /** Whether the last thing heard from the log was an answer. */
  readonly connected: boolean;
  /** Set once by the owner, before `connect`. */
  events: WalEvents;

  /**
   * One attempt to reach the log, to create the topic when it is missing and to check its
   * settings. Rejects with LogUnavailableError when a later attempt may succeed, and with
   * ExitError (1 refused credentials, 2 a topic that may not be used) when none will.
   * May be called again after a failure.
   */
  connect(): Promise<LogDescription>;

  /** Asks the log who it is, now. LogUnavailableError when it does not answer or has no such topic. */
  identity(): Promise<LogIdentity>;

  /** Asks the log for all partitions' ends (high watermarks), now. Index = partition. LogUnavailableError. */
  ends(): Promise<readonly number[]>;

  /**
   * Asks how far readers get, now: to the end, but no further than the first record of a
   * transaction that another producer has open. Index = partition. LogUnavailableError.
   */
  readableEnds(): Promise<readonly number[]>;

  /** Asks the log for start and ends of all partitions, now. LogUnavailableError. */
  bounds(): Promise<readonly PartitionBounds[]>;

  /**
   * The records at exactly these places, undefined where the log has none there any more.
   * For anchors; slow. LogUnavailableError.
   */
  fetch(
    places: readonly { readonly partition: number; readonly offset: number }[],
  ): Promise<readonly (LogRecord | undefined)[]>;

  /**
   * Appends one record; resolves when the log has acknowledged it durably (all in-sync replicas,
   * or the fsync). Rejects with ServiceError `overloaded` or `log_unavailable` with an outcome,
   * or `too_large` (not written).
   */
  append(request: AppendRequest): Promise<Appended>;

  /** A reader that starts at the given next offsets (index = partition). */
  read(positions: readonly number[]): Promise<WalReader>;

  /** Publishes positions for operators' tools. Best effort, never read back. */
  publishPositions(positions: readonly number[]): void;

  /** Flushes what is in flight for at most `flushMs`, then rejects what is left with outcome `unknown`. */
  close(flushMs: number): Promise<void>;
}
