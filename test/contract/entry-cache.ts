import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EntryCache } from '../../src/table/entry-cache.ts';

/** What every entry cache does, whatever its inside. */
export function describeEntryCache(name: string, make: (bytesMax: number) => EntryCache): void {
  describe(`entry cache: ${name}`, () => {
    const bytes = (text: string) => Buffer.from(text);
    const text = (entry: Buffer | undefined) => entry?.toString();

    it('gives back what was set last', () => {
      const cache = make(2 ** 20);
      cache.set('a', bytes('1'));
      cache.set('b', bytes('2'));
      cache.set('a', bytes('3'));
      assert.equal(text(cache.get('a')), '3');
      assert.equal(text(cache.get('b')), '2');
      assert.equal(cache.get('c'), undefined);
      assert.equal(cache.count, 2);
      assert.equal(cache.evicted, 0);
    });

    it('holds any text as a key', () => {
      const cache = make(2 ** 20);
      for (const key of ['__proto__', '\u00e9', 'e\u0301', '\u{1f600}', '\0', 'x'.repeat(8_192)]) {
        cache.set(key, bytes(key));
        assert.equal(text(cache.get(key)), key);
      }
      assert.equal(cache.count, 6);
    });

    it('stays within its bytes, says what it pushed out, and keeps the newest', () => {
      const cache = make(100_000);
      for (let i = 0; i < 2_000; i++) {
        cache.set(`key-${i}`, Buffer.alloc(100, i));
        assert.ok(cache.bytes <= 100_000, `${cache.bytes}`);
      }
      assert.equal(cache.get('key-1999')?.[0], 1_999 % 256);
      assert.equal(cache.get('key-0'), undefined);
      assert.ok(cache.evicted > 0);
      assert.equal(cache.count + cache.evicted, 2_000);
    });

    it('keeps nothing where nothing fits, and still answers', () => {
      const cache = make(0);
      cache.set('a', bytes('1'));
      assert.equal(cache.get('a'), undefined);
      assert.equal(cache.bytes, 0);
      assert.equal(cache.evicted, 1);
    });

    it('forgets everything when cleared', () => {
      const cache = make(300);
      cache.set('a', bytes('1'));
      cache.set('b', bytes('2'));
      cache.clear();
      assert.equal(cache.get('b'), undefined);
      assert.deepEqual([cache.count, cache.bytes, cache.evicted], [0, 0, 0]);
    });
  });
}
