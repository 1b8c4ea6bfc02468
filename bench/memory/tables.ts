import { keyedHash } from '../../src/table/key-hash.ts';
import { SegmentEntryCache } from '../../src/table/segment-entry-cache.ts';
import { encodeEntry } from '../../src/table/stored-entry.ts';

/** A table in this process, as the applier and the doors would use it. */
export interface BenchedTable {
  /** A new entry with a copy of the value. */
  set(key: string, value: Buffer): void;
  has(key: string): boolean;
}

const NEVER_FULL = 2 ** 40;
const TIMESTAMP = Date.UTC(2026, 0, 1);

export const TABLES: Readonly<Record<string, () => BenchedTable>> = {
  bitacora: () => {
    const cache = new SegmentEntryCache({ bytesMax: NEVER_FULL, hash: keyedHash(1, 0) });
    return {
      set: (key, value) => cache.set(key, stored(value)),
      has: (key) => cache.get(key) !== undefined,
    };
  },
  'Map<string, object>': () => {
    const map = new Map<
      string,
      { value: string; timestamp: number; source: number; ttl: number }
    >();
    return {
      set: (key, value) =>
        map.set(key, { value: value.toString('latin1'), timestamp: TIMESTAMP, source: 1, ttl: 0 }),
      has: (key) => map.get(key) !== undefined,
    };
  },
  'Map<string, Buffer>': () => {
    const map = new Map<string, Buffer>();
    return {
      set: (key, value) => map.set(key, stored(value)),
      has: (key) => map.get(key) !== undefined,
    };
  },
};

function stored(value: Buffer): Buffer {
  return encodeEntry({ kind: 'live', offset: 1, timestamp: TIMESTAMP, value });
}
