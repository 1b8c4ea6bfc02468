import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  keyOf,
  type Parameters,
  parseParameters,
  valueBytesOf,
} from '../../../src/http/parameters.ts';
import { parseTarget } from '../../../src/http/request-target.ts';

const text = fc.string({ unit: 'binary' });

test('any text comes back as it was encoded, by either way to encode', () => {
  fc.assert(
    fc.property(text, text, (key, value) => {
      const queries = [
        `key=${encodeURIComponent(key)}&value=${encodeURIComponent(value)}`,
        `${new URLSearchParams({ value, x: value, key })}`,
        `key=${sparingly(key)}&value=${sparingly(value)}`,
      ];
      for (const query of queries) {
        const parameters = parseParameters(query);
        assert.equal(keyOf(parameters), key);
        assert.equal(valueBytesOf(parameters)?.toString(), value);
      }
    }),
  );
});

test('any bytes either decode as a strict reader decodes them or are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const raw = Buffer.from(bytes).toString('latin1').replaceAll('&', '');
      const got = attempt(() => keyOf(parseParameters(`key=${raw}`)));
      const expected = attempt(() => strictly(raw));
      assert.equal(got, expected);
    }),
  );
});

test('no query makes it fail in another way than by its code', () => {
  const piece = fc.constantFrom(
    'key',
    'value',
    'after',
    '=',
    '&',
    '%',
    '%4',
    '+',
    'é',
    '__proto__',
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const parameters: Parameters = parseParameters(pieces.join(''));
      for (const name of Object.keys(parameters)) assert.match(name, /^(key|value|after)$/);
    }),
  );
});

test('targets in absolute form are read as those in origin form', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['/rpc?key=a?b', '/rpc', 'key=a?b'],
    ['/rpc', '/rpc', ''],
    ['http://h:1/rpc?key=a', '/rpc', 'key=a'],
    ['HTTPS://h/rpc?key=http://x/', '/rpc', 'key=http://x/'],
    ['http://h?key=a', '/', 'key=a'],
    ['http://h', '/', ''],
    ['*', '*', ''],
    ['/http://h/rpc', '/http://h/rpc', ''],
  ];
  for (const [url, path, query] of cases) assert.deepEqual(parseTarget(url), { path, query }, url);
});

/** Raw UTF-8, one character per byte, encoded only where it must be. */
function sparingly(part: string): string {
  return Buffer.from(part.replace(/[%&+]/g, encodeURIComponent)).toString('latin1');
}

/** The text of a component by the platform's decoders, which throw where it is ill-formed. */
function strictly(raw: string): string {
  const bytes = Buffer.from(raw.replaceAll('+', ' '), 'latin1');
  const encoded = [...bytes].map((byte) =>
    byte < 0x80 ? String.fromCharCode(byte) : `%${byte.toString(16)}`,
  );
  return decodeURIComponent(encoded.join(''));
}

function attempt(decode: () => string | undefined): string | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
