import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type KeyHash, keyedHash } from '../../../src/table/key-hash.ts';
import { SegmentEntryCache } from '../../../src/table/segment-entry-cache.ts';
import { Random } from '../../simulation/scheduler.ts';

const NEVER_FULL = 2 ** 30;
const MIB = 2 ** 20;

interface Run {
  readonly bytesMax: number;
  readonly keys: number;
  readonly steps: number;
  readonly seed: number;
  readonly hash?: KeyHash;
  /** How likely a step deletes all keys. */
  readonly purged?: number;
  /** Length of a stored entry; the argument is a random number below 1. */
  readonly length: (chance: number) => number;
}

const small = (chance: number) => Math.floor(chance * chance * 300);
const someHuge = (chance: number) =>
  chance < 0.003 ? Math.floor(chance * 2e8) : Math.floor(chance * 300);
const sameSize = () => 100;
/** Few hashes, so that most keys collide. */
const weak: KeyHash = (words) => (words[0] as number) & 3;

/** Random steps on the cache and on a Map; whatever the cache still has must be what the Map has. */
function runBesideMap({
  bytesMax,
  keys,
  steps,
  seed,
  hash,
  purged = 0,
  length,
}: Run): SegmentEntryCache {
  const cache = new SegmentEntryCache({ bytesMax, hash: hash ?? keyedHash(seed, 0) });
  const model = new Map<string, Buffer>();
  const random = new Random(seed).next;
  for (let step = 0; step < steps; step++) {
    const number = Math.floor(random() * keys);
    const key = number % 3 === 0 ? `\u00ff-${number}` : `key-${number}`;
    const act = random();
    if (act < 0.6) {
      const entry = Buffer.alloc(length(random()), step);
      cache.set(key, entry);
      model.set(key, entry);
    } else if (act < 0.7) {
      const deleted = cache.delete(key);
      if (model.delete(key)) assert.ok(deleted || cache.evicted > 0, `${key} was lost`);
      else assert.ok(!deleted, `${key} came back`);
    } else compare(cache, key, model.get(key));
    if (random() < purged) {
      for (const each of model.keys()) cache.delete(each);
      model.clear();
      assert.equal(cache.count, 0);
    }
    assert.ok(cache.bytes <= bytesMax, `${cache.bytes} bytes at step ${step}`);
    if (cache.evicted === 0) assert.equal(cache.count, model.size);
  }
  let found = 0;
  for (const [key, entry] of model) found += compare(cache, key, entry) ? 1 : 0;
  assert.equal(cache.count, found);
  return cache;
}

function compare(cache: SegmentEntryCache, key: string, expected: Buffer | undefined): boolean {
  const got = cache.get(key);
  if (got === undefined) assert.ok(expected === undefined || cache.evicted > 0, `${key} was lost`);
  else assert.ok(expected?.equals(got), `${key} has another entry`);
  return got !== undefined;
}

describe('the entry table beside a Map', () => {
  it('agrees while it grows and nothing is pushed out', () => {
    const run = { bytesMax: NEVER_FULL, keys: 30_000, steps: 200_000, seed: 11, length: small };
    assert.equal(runBesideMap(run).evicted, 0);
  });

  it('agrees while segments are compacted and pushed out', () => {
    for (const bytesMax of [2_000, 16_384, 200_000, 2_000_000]) {
      const cache = runBesideMap({ bytesMax, keys: 20_000, steps: 60_000, seed: 3, length: small });
      assert.ok(cache.evicted > 0 && cache.count > 0);
    }
  });

  it('agrees with entries larger than a segment', () => {
    for (const bytesMax of [200_000, 5_000_000]) {
      runBesideMap({ bytesMax, keys: 3_000, steps: 40_000, seed: 5, length: someHuge });
    }
  });

  it('agrees where large entries take the memory of segments under way', () => {
    const length = (chance: number) =>
      chance < 0.05 ? 3_000 + Math.floor(chance * 4e5) : Math.floor(chance * 300);
    for (let seed = 0; seed < 8; seed++) {
      runBesideMap({ bytesMax: 300_000, keys: 1_000, steps: 20_000, seed, length });
      runBesideMap({ bytesMax: 30_000, keys: 60, steps: 20_000, seed, length });
    }
  });

  it('agrees where all keys are deleted now and then', () => {
    for (let seed = 0; seed < 8; seed++) {
      for (const bytesMax of [300_000, NEVER_FULL]) {
        const run = { bytesMax, keys: 2_000, steps: 20_000, seed, length: small };
        runBesideMap({ ...run, purged: 0.001 });
      }
    }
  });

  it('agrees where keys have the same hash', () => {
    for (const bytesMax of [16_384, NEVER_FULL]) {
      runBesideMap({ bytesMax, keys: 300, steps: 20_000, seed: 9, hash: weak, length: small });
    }
  });

  it('agrees for any small history', () => {
    const run = fc.record({
      bytesMax: fc.integer({ min: 0, max: 40_000 }),
      keys: fc.integer({ min: 1, max: 200 }),
      steps: fc.constant(1_000),
      seed: fc.integer(),
      length: fc.constantFrom(small, someHuge, sameSize),
    });
    fc.assert(
      fc.property(run, (each) => {
        runBesideMap(each);
      }),
      { numRuns: 100 },
    );
  });
});

describe('the entry table', () => {
  const filled = (entries: number, bytesMax: number) => {
    const cache = new SegmentEntryCache({ bytesMax, hash: keyedHash(1, 0) });
    for (let i = 0; i < entries; i++) cache.set(`key-${i}`, Buffer.alloc(100, i));
    return cache;
  };

  it('takes little more than the bytes of keys and entries, overwritten or not', () => {
    const entries = 100_000;
    const cache = filled(entries, NEVER_FULL);
    const bare = entries * (10 + 100);
    assert.ok(cache.bytes < 1.5 * bare, `${cache.bytes / bare} when new`);
    const random = new Random(2);
    for (let i = 0; i < 3 * entries; i++) {
      cache.set(`key-${random.integer(0, entries - 1)}`, Buffer.alloc(50 + (i % 101), i));
    }
    assert.ok(cache.bytes < 2 * bare, `${cache.bytes / bare} after overwrites`);
    assert.deepEqual([cache.count, cache.evicted], [entries, 0]);
  });

  it('closes gaps before it pushes anything out', () => {
    const cache = new SegmentEntryCache({ bytesMax: 3.4 * MIB, hash: keyedHash(1, 0) });
    const random = new Random(4);
    for (let i = 0; i < 20_000; i++) cache.set(`key-${i}`, Buffer.alloc(50 + (i % 99)));
    for (let i = 0; i < 200_000; i++) {
      cache.set(`key-${random.integer(0, 19_999)}`, Buffer.alloc(50 + (i % 99)));
    }
    assert.deepEqual([cache.count, cache.evicted], [20_000, 0]);
  });

  it('gives memory back when all is deleted', () => {
    const cache = filled(100_000, NEVER_FULL);
    const full = cache.bytes;
    for (let i = 0; i < 100_000; i++) cache.delete(`key-${i}`);
    assert.equal(cache.count, 0);
    assert.ok(cache.bytes < 0.3 * full, `${cache.bytes} of ${full}`);
  });

  it('forgets no segment that was emptied while another was under way', () => {
    const segment = MIB / 2;
    const cache = new SegmentEntryCache({ bytesMax: 32 * segment, hash: keyedHash(1, 0) });
    const entry = Buffer.alloc(900);
    const stays = (i: number) => i % 100 === 0;
    for (let i = 0; i < 14_000; i++) cache.set(`old-${i}`, entry);
    for (let i = 0; i < 14_000; i++) if (!stays(i)) cache.delete(`old-${i}`);
    for (let i = 0; i < 14_000; i++) {
      if (!stays(i)) continue;
      cache.delete(`old-${i}`);
      for (let j = 0; j < 12; j++) cache.set(`new-${i}-${j}`, entry);
    }
    const beside = cache.bytes - cache.count * entry.length;
    assert.ok(beside < 3 * segment, `${beside / segment} segments beside the live entries`);
  });

  it('stays within its bytes where segments and index grow at once', () => {
    for (let bytesMax = 2_000; bytesMax < 20_000; bytesMax += 100) {
      const cache = new SegmentEntryCache({ bytesMax, hash: keyedHash(1, 0) });
      for (let i = 0; i < 100; i++) {
        cache.set(`key-${i}`, Buffer.alloc(100));
        assert.ok(cache.bytes <= bytesMax, `${cache.bytes} of ${bytesMax}`);
      }
    }
  });

  it('fills its bytes before it pushes anything out', () => {
    const cache = filled(100_000, 4 * MIB);
    assert.ok(cache.bytes > 0.9 * 4 * MIB, `${cache.bytes}`);
    assert.ok(cache.count * 130 > 0.7 * 4 * MIB, `${cache.count}`);
  });

  it('pushes out what was not read before what was', () => {
    const cache = new SegmentEntryCache({ bytesMax: MIB, hash: keyedHash(1, 0) });
    for (let i = 0; i < 50_000; i++) {
      cache.set(`key-${i}`, Buffer.alloc(100));
      if (i < 200) cache.set(`read-${i}`, Buffer.alloc(100));
      if (i % 50 === 0) for (let j = 0; j < 200; j++) cache.get(`read-${j}`);
    }
    let left = 0;
    for (let j = 0; j < 200; j++) left += cache.get(`read-${j}`) === undefined ? 0 : 1;
    assert.equal(left, 200);
  });

  it('keeps every step short', () => {
    const entries = 300_000;
    const cache = new SegmentEntryCache({ bytesMax: 32 * MIB, hash: keyedHash(1, 0) });
    let longest = 0;
    for (let i = 0; i < entries; i++) {
      const begun = process.cpuUsage();
      for (let j = 0; j < 32; j++)
        cache.set(`key-${(i * 32 + j) % entries}`, Buffer.alloc(i % 150));
      const { user, system } = process.cpuUsage(begun);
      if (i > 1_000) longest = Math.max(longest, (user + system) / 1_000);
      if (i === entries / 16) break;
    }
    assert.ok(cache.evicted > 0);
    assert.ok(longest < 60, `${longest} ms of CPU time`);
  });
});
