import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  FrameDecoder,
  FramingError,
  frameHead,
  type Message,
  PARTS_MAX,
} from '../../../src/codec/rpc-framing.ts';

const BYTES_MAX = 10_000;

function ints(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => {
    bytes.writeInt32BE(value, i * 4);
  });
  return bytes;
}

function encode(serial: number, parts: readonly Uint8Array[]): Buffer {
  const each = parts.flatMap((part) => [ints(part.length), part]);
  return Buffer.concat([ints(serial, parts.length), ...each]);
}

function decodeAll(decoder: FrameDecoder, chunks: Iterable<Buffer>): Message[] {
  const messages: Message[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) messages.push(next);
  }
  return messages;
}

function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let from = 0;
  for (let i = 0; from < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number;
    yield bytes.subarray(from, from + size);
    from += size;
  }
}

const parts = fc.array(fc.uint8Array({ maxLength: 600 }), { minLength: 1, maxLength: 5 });
const frames = fc.array(fc.tuple(fc.integer(), parts), { maxLength: 8 });
const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 12 });

describe('FrameDecoder', () => {
  it('gives the same messages however the bytes are split', () => {
    fc.assert(
      fc.property(frames, sizes, (sent, chunks) => {
        const decoder = new FrameDecoder(BYTES_MAX);
        const bytes = Buffer.concat(sent.map(([serial, each]) => encode(serial | 0, each)));
        const messages = decodeAll(decoder, cut(bytes, chunks));
        assert.deepEqual(
          messages.map(({ serial, payload }) => [serial, Buffer.from(payload)]),
          sent.map(([serial, each]) => [serial | 0, Buffer.concat(each)]),
        );
        assert.equal(decoder.partial, false);
        assert.equal(decoder.held, 0);
        assert.equal(decoder.completed, sent.length);
      }),
      { numRuns: 500 },
    );
  });

  it('throws nothing but FramingError on garbage, and holds no more than twice what came', () => {
    const wild = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.tuple(fc.integer(), fc.integer(), fc.integer()).map((three) => ints(...three)),
      fc
        .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: BYTES_MAX }))
        .map(([count, length]) => ints(7, count, length)),
    );
    fc.assert(
      fc.property(fc.array(wild, { maxLength: 6 }), sizes, (pieces, chunks) => {
        const decoder = new FrameDecoder(BYTES_MAX);
        let arrived = 0;
        try {
          for (const chunk of cut(Buffer.concat(pieces), chunks)) {
            arrived += chunk.length;
            decodeAll(decoder, [chunk]);
            assert.ok(decoder.held <= 2 * arrived + 1_024, `${decoder.held} of ${arrived}`);
          }
        } catch (error) {
          assert.ok(error instanceof FramingError, String(error));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  for (const [what, bytes] of [
    ['no parts', ints(1, 0)],
    ['a negative count', ints(1, -1)],
    ['too many parts', ints(1, PARTS_MAX + 1)],
    ['a negative length', ints(1, 0x7f, -4)],
    ['a part over the bound', ints(1, 1, BYTES_MAX + 1)],
    ['parts over the bound together', encode(1, [Buffer.alloc(BYTES_MAX), Buffer.alloc(1)])],
    ['an announced gigabyte', ints(1, 1, 0x7fffffff)],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => decodeAll(new FrameDecoder(BYTES_MAX), [bytes]), FramingError);
    });
  }

  it('takes as many parts and bytes as are allowed', () => {
    const many = Array.from({ length: PARTS_MAX }, () => Buffer.from('a'));
    const [first] = decodeAll(new FrameDecoder(BYTES_MAX), [encode(-1, many)]);
    assert.equal(first?.serial, -1);
    assert.equal(first?.payload.length, PARTS_MAX);
    const [second] = decodeAll(new FrameDecoder(BYTES_MAX), [encode(2, [Buffer.alloc(BYTES_MAX)])]);
    assert.equal(second?.payload.length, BYTES_MAX);
  });

  it('reads a large message in time linear in its bytes', () => {
    const size = 8 * 1_024 * 1_024;
    const decoder = new FrameDecoder(size);
    const bytes = encode(1, [Buffer.alloc(size, 'x')]);
    const began = performance.now();
    const messages = decodeAll(decoder, cut(bytes, [100]));
    assert.equal(messages[0]?.payload.length, size);
    // Joining what is there at each of the 84,000 chunks would copy 350 GB.
    assert.ok(performance.now() - began < 5_000);
  });

  it('knows its own head', () => {
    const bytes = Buffer.concat([frameHead(-2_147_483_648, 2), Buffer.from('hi')]);
    const [message] = decodeAll(new FrameDecoder(BYTES_MAX), [bytes]);
    assert.equal(message?.serial, -2_147_483_648);
    assert.equal(message?.payload.toString(), 'hi');
  });
});
