import type { DialectOf } from '../common/load.ts';

/** A key-value server that runs. */
export interface Anchor {
  readonly pid: number;
  readonly port: number;
  /** Reads of `key(n)`, all of which are there. */
  get(key: (n: number) => string): DialectOf;
  /** Writes of `value` under `key(n)`. */
  put(key: (n: number) => string, value: string): DialectOf;
  stop(): Promise<void>;
}
