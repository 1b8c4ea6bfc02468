import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readAnswer, writtenBody } from '../../../src/http/answers.ts';

/** Much that must be escaped, much that must not. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '\u001f', '\u007f', '\u2028', ' ', '[', 'é', '😀'),
  }),
);

const entryOf = (value: Buffer) => ({ kind: 'live', offset: 7, timestamp: 1_000, value }) as const;
const STATE = { trust: 'final', partition: 3, position: 9, source: 1 } as const;

describe('the JSON of an answer', () => {
  it('is what JSON.stringify would write, for any key and text', () => {
    fc.assert(
      fc.property(text, text, (key, value) => {
        const read = readAnswer(key, { ...STATE, entry: entryOf(Buffer.from(value)) });
        const fields = { key, value, timestamp: 1_000, source: 1, ttl: 0, uuid: '3:7' };
        assert.equal(read.body, JSON.stringify(fields));
        const written = { key, version: '3:7', timestamp: 1_000 };
        const answer = { version: { partition: 3, offset: 7 }, timestamp: 1_000 };
        assert.equal(writtenBody(key, answer), JSON.stringify(written));
      }),
    );
  });

  it('takes the largest values, plain or not', () => {
    for (const last of ['x', '"', 'é']) {
      const value = 'x'.repeat(15 * 1_024 * 1_024 - 2) + last;
      const { body } = readAnswer('k', { ...STATE, entry: entryOf(Buffer.from(value)) });
      assert.ok((JSON.parse(body) as { value: string }).value === value, last);
    }
  });
});
