import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeUtf8, isWellFormedUtf8, requireKey } from '../../../src/codec/utf8.ts';
import { ServiceError } from '../../../src/errors.ts';

describe('decodeUtf8', () => {
  it('gives the text of well-formed bytes, unchanged', () => {
    for (const text of ['', 'a', 'é', '€', '😀', '\u0000', '\ufeffmark', 'e\u0301']) {
      assert.equal(decodeUtf8(Buffer.from(text)), text);
    }
  });

  const broken: readonly (readonly [string, string])[] = [
    ['a lone continuation', '80'],
    ['a cut character', 'e282'],
    ['an overlong form', 'c080'],
    ['a surrogate', 'eda080'],
    ['a code point beyond the last', 'f4908080'],
    ['the bytes FF FE', 'fffe'],
  ];
  for (const [what, hex] of broken) {
    it(`does not repair ${what}`, () => {
      assert.equal(decodeUtf8(Buffer.from(hex, 'hex')), undefined);
    });
  }

  it('gives either nothing or a text of exactly these bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const text = decodeUtf8(Buffer.from(bytes));
        if (text !== undefined) assert.deepEqual(Buffer.from(text), Buffer.from(bytes));
      }),
    );
  });
});

describe('isWellFormedUtf8', () => {
  it('says whether there is a text, however long', () => {
    const parts = fc.uint8Array({ maxLength: 6 });
    fc.assert(
      fc.property(fc.nat(70), parts, (ascii, part) => {
        const bytes = Buffer.concat([Buffer.alloc(ascii, 'a'), part]);
        assert.equal(isWellFormedUtf8(bytes), decodeUtf8(bytes) !== undefined);
      }),
    );
  });
});

describe('requireKey', () => {
  const isBadKey = (error: unknown) => error instanceof ServiceError && error.code === 'bad_key';

  it('refuses the empty key and lone surrogates', () => {
    assert.throws(() => requireKey(''), isBadKey);
    assert.throws(() => requireKey('a\ud800'), isBadKey);
    assert.throws(() => requireKey('\udc00a'), isBadKey);
  });

  it('takes every other key', () => {
    for (const key of [' ', '\u0000', '😀', '__proto__', 'e\u0301']) requireKey(key);
  });
});
