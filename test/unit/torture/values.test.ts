import assert from 'node:assert/strict';
import { it } from 'node:test';
import { makeValue, readValue } from '../../torture/values.ts';

const names = Array.from({ length: 500 }, (_, i) => `v${i}`);

it('a value tells its name, and all of it is known from that', () => {
  for (const name of names) assert.equal(readValue(makeValue(name)), name);
  const lengths = names.map((name) => makeValue(name).length);
  assert.ok(Math.max(...lengths) > 4_000 && Math.min(...lengths) < 50);
});

it('a value that was cut, lengthened or mixed is told from those that were made', () => {
  const value = names.map(makeValue).find(({ length }) => length > 100) ?? '';
  for (const wrong of ['', 'v1', value.slice(0, -1), `${value}x`, value.replace('|', '|x')]) {
    assert.match(readValue(wrong), /^not a value/);
  }
});
