import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EntryCache } from '../../src/table/entry-cache.ts';
import { encodeEntry } from '../../src/table/stored-entry.ts';

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
      const keys = ['__proto__', '\u00e9', 'e\u0301', '\u{1f600}', '\0', '\0\0', '\u00ff\u00ff'];
      const long = ['x'.repeat(8_192), `${'x'.repeat(8_191)}y`, '\u00ff'.repeat(33)];
      for (const key of [...keys, ...long]) cache.set(key, bytes(key));
      for (const key of [...keys, ...long]) assert.equal(text(cache.get(key)), key);
      assert.equal(cache.count, keys.length + long.length);
    });

    it('takes a key as text or as its bytes', () => {
      const cache = make(2 ** 20);
      const keys = ['a', 'é', '\u{1f600}', '\0', 'x'.repeat(31), 'x'.repeat(33), 'é'.repeat(5_000)];
      for (const [i, key] of keys.entries()) cache.set(i % 2 === 0 ? key : bytes(key), bytes(key));
      for (const key of keys) {
        assert.equal(text(cache.get(key)), key);
        assert.equal(text(cache.get(bytes(key))), key);
      }
      assert.equal(cache.count, keys.length);
      for (const key of keys) assert.equal(cache.delete(bytes(key)), true);
      assert.equal(cache.count, 0);
    });

    it('holds entries of any length, none too', () => {
      const cache = make(2 ** 22);
      const lengths = [0, 1, 7, 8, 9, 1_000, 40_000, 100_000, 1_000_000];
      for (const [i, length] of lengths.entries()) cache.set(`${i}`, Buffer.alloc(length, i));
      for (const [i, length] of lengths.entries()) {
        assert.ok(cache.get(`${i}`)?.equals(Buffer.alloc(length, i)), `${length} bytes`);
      }
      cache.set('0', bytes('longer'));
      cache.set('8', bytes(''));
      assert.equal(text(cache.get('0')), 'longer');
      assert.equal(text(cache.get('8')), '');
      assert.equal(cache.evicted, 0);
    });

    it('gives bytes that stay as they are, and takes a copy', () => {
      const cache = make(2 ** 20);
      const given = bytes('one');
      cache.set('a', given);
      const got = cache.get('a');
      cache.set('a', bytes('two'));
      cache.set('b', bytes('six'));
      cache.delete('a');
      assert.equal(text(got), 'one');
    });

    it('says what the counts need', () => {
      const cache = make(2 ** 20);
      const value = Buffer.alloc(5);
      cache.set('a', encodeEntry({ kind: 'live', offset: 1, timestamp: 2, value }));
      cache.set('b', encodeEntry({ kind: 'marker', offset: 3, timestamp: 4, value: bytes('') }));
      assert.deepEqual(cache.summary('a'), { kind: 'live', valueBytes: 5 });
      assert.deepEqual(cache.summary('b'), { kind: 'marker', valueBytes: 0 });
      assert.equal(cache.summary('c'), undefined);
    });

    it('forgets what is deleted', () => {
      const cache = make(2 ** 20);
      for (let i = 0; i < 1_000; i++) cache.set(`key-${i}`, bytes(`${i}`));
      for (let i = 0; i < 1_000; i += 2) assert.equal(cache.delete(`key-${i}`), true);
      assert.equal(cache.delete('key-0'), false);
      for (let i = 0; i < 1_000; i++) {
        assert.equal(text(cache.get(`key-${i}`)), i % 2 === 0 ? undefined : `${i}`);
      }
      assert.deepEqual([cache.count, cache.evicted], [500, 0]);
      cache.set('key-0', bytes('again'));
      assert.equal(text(cache.get('key-0')), 'again');
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

    it('does not keep the old entry where the new one is too large', () => {
      const cache = make(20_000);
      cache.set('a', bytes('old'));
      cache.set('a', Buffer.alloc(30_000));
      assert.equal(cache.get('a'), undefined);
      assert.equal(cache.evicted, 1);
      cache.set('a', bytes('new'));
      assert.equal(text(cache.get('a')), 'new');
    });

    it('forgets everything when cleared', () => {
      for (const bytesMax of [300, 2 ** 20]) {
        const cache = make(bytesMax);
        cache.set('a', bytes('1'));
        cache.set('b', bytes('2'));
        cache.clear();
        assert.equal(cache.get('b'), undefined);
        assert.deepEqual([cache.count, cache.bytes, cache.evicted], [0, 0, 0]);
        cache.set('c', bytes('3'));
        assert.equal(cache.count + cache.evicted, 1);
      }
    });
  });
}
