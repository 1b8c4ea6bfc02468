import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import avsc from 'avsc';
import fc from 'fast-check';
import {
  AvroFormatError,
  AvroReader,
  encodeBytes,
  encodeCount,
  encodeString,
} from '../../../src/codec/avro-binary.ts';

const LONG = avsc.Type.forSchema('long');
const STRING = avsc.Type.forSchema('string');
const META = avsc.Type.forSchema({ type: 'map', values: 'bytes' });

describe('AvroReader', () => {
  it('reads longs as avsc writes them', () => {
    const largest = 2 ** 53 - 2;
    fc.assert(
      fc.property(fc.integer({ min: -largest, max: largest }), (value) => {
        // The reader's raw form has one bit more, so the outermost are refused.
        const raw = value >= 0 ? value * 2 : -value * 2 - 1;
        const reader = new AvroReader(LONG.toBuffer(value));
        if (raw > Number.MAX_SAFE_INTEGER) assert.throws(() => reader.long(), AvroFormatError);
        else assert.equal(reader.long(), value);
      }),
    );
  });

  it('writes counts and strings as avsc does', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string({ unit: 'grapheme' }), (count, text) => {
        assert.deepEqual(encodeCount(count), LONG.toBuffer(count));
        assert.deepEqual(encodeString(text), STRING.toBuffer(text));
        assert.deepEqual(new AvroReader(encodeString(text)).bytes().toString(), text);
      }),
    );
    assert.deepEqual(encodeCount(2 ** 40), LONG.toBuffer(2 ** 40));
  });

  it('steps over metadata, in blocks with and without their size', () => {
    const meta = META.toBuffer({ one: Buffer.from('1'), two: Buffer.alloc(300) });
    const reader = new AvroReader(Buffer.concat([meta, Buffer.from('rest')]));
    reader.skipMeta();
    assert.equal(reader.left, 4);
    const entry = Buffer.concat([encodeString('k'), encodeBytes(Buffer.from('v'))]);
    const sized = Buffer.concat([Buffer.from([1, entry.length * 2]), entry, Buffer.from([0, 9])]);
    const other = new AvroReader(sized);
    other.skipMeta();
    assert.equal(other.left, 1);
  });

  it('throws nothing but AvroFormatError on garbage', () => {
    const act = fc.constantFrom('long', 'skipLong', 'boolean', 'bytes', 'blockCount', 'skipMeta');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(act), (bytes, acts) => {
        const reader = new AvroReader(Buffer.from(bytes));
        try {
          for (const each of acts) reader[each]();
        } catch (error) {
          assert.ok(error instanceof AvroFormatError, String(error));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('refuses a length beyond what is there, however large', () => {
    for (const length of [1, 1_000_000, 2 ** 31, 2 ** 40]) {
      assert.throws(() => new AvroReader(LONG.toBuffer(length)).bytes(), /are there/);
    }
    assert.throws(() => new AvroReader(LONG.toBuffer(-1)).bytes(), AvroFormatError);
    assert.throws(() => new AvroReader(Buffer.alloc(11, 0xff)).long(), AvroFormatError);
  });
});
