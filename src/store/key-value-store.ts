import type { Entry, Version } from '../entry.ts';

/** How far an answer can be trusted (contract §3, `Bitacora-Read`). */
export type ReadTrust = 'final' | 'peer' | 'behind';

export interface ReadAnswer {
  readonly trust: ReadTrust;
  /** The key's partition. */
  readonly partition: number;
  /** This node's position in that partition, read before the look-up. */
  readonly position: number;
  /** undefined: the key was never written, as far as is known. Markers and unreadable ones are entries. */
  readonly entry: Entry | undefined;
  /** 1: from our own log · 2: from a peer. */
  readonly source: 1 | 2;
}

export interface WriteAnswer {
  readonly version: Version;
  /** The log's append time, ms. */
  readonly timestamp: number;
}

export interface ReadOptions {
  /** Wait until this version is applied here (up to 2 s, then ServiceError `not_yet`). */
  readonly after?: Version;
}

/** This node's own state; never asks peers, so that peers cannot ask in circles. */
export interface LocalReader {
  /**
   * The answer if it can be given at once (fresh, nothing to wait for, the entry in memory or
   * known to be absent), else undefined: then ask `getLocal` or `get`.
   */
  getNow(key: string): ReadAnswer | undefined;
  /**
   * `final` or `behind`, for peers to rank: an absence that tells nothing has the position 0.
   * ServiceError: bad_key, bad_version, not_yet, storage.
   */
  getLocal(key: string, options?: ReadOptions): Promise<ReadAnswer>;
  /** `<clusterId>/<topicId>` of the log that the state belongs to, undefined when none was met yet. */
  logId(): string | undefined;
}

/**
 * What the doors see. Keys are non-empty well-formed strings (`requireKey` in codec/utf8.ts),
 * their UTF-8 is the key in the log.
 */
export interface KeyValueStore extends LocalReader {
  /** ServiceError: bad_key, too_large, recovering, bad_version, not_yet, storage. */
  get(key: string, options?: ReadOptions): Promise<ReadAnswer>;
  /**
   * Resolves once the log has acknowledged. ServiceError: bad_key, bad_value, too_large, overloaded,
   * log_unavailable; all but the first three carry an outcome.
   */
  put(key: string, value: Buffer): Promise<WriteAnswer>;
  /** As `put`; also when the key does not exist. */
  delete(key: string): Promise<WriteAnswer>;
}

/** What the doors ask of the node besides data. */
export interface NodeHealth {
  /** What `/health` says (contract §3). */
  healthy(): boolean;
}
