import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type FrameSink, FrameWriter } from '../../../src/codec/frame-writer.ts';
import { FrameDecoder } from '../../../src/codec/rpc-framing.ts';

const BYTES_MAX = 1_024 * 1_024;
/** What is larger is not joined with others. */
const JOIN_BYTES_MAX = 64 * 1_024;

/** Keeps what was written. */
class Writes implements FrameSink {
  readonly all: Buffer[] = [];
  writable = true;
  writableLength = 0;
  corked = 0;

  cork(): void {
    this.corked++;
  }

  uncork(): void {
    this.corked--;
  }

  write(bytes: Buffer): boolean {
    this.all.push(bytes);
    return true;
  }
}

describe('FrameWriter', () => {
  it('writes frames that say what was sent, of whatever sizes', () => {
    const size = fc.oneof(fc.nat(40), fc.nat(1_000), fc.integer({ min: 60_000, max: 70_000 }));
    const parts = fc.array(size, { maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer(), parts), { maxLength: 20 }), (sent) => {
        const sink = new Writes();
        const writer = new FrameWriter(sink);
        const decoder = new FrameDecoder(BYTES_MAX);
        const expected = sent.map(([serial, sizes], i) => {
          const buffers = sizes.map((bytes, j) => Buffer.alloc(bytes, i * 7 + j));
          writer.send(serial | 0, buffers);
          return { serial: serial | 0, payload: Buffer.concat(buffers) };
        });
        writer.flush();
        decoder.push(Buffer.concat(sink.all));
        for (const { serial, payload } of expected) {
          const message = decoder.next();
          assert.equal(message?.serial, serial);
          assert.ok(message?.payload.equals(payload));
        }
        assert.equal(decoder.partial, false);
        assert.deepEqual([writer.unsent, sink.corked], [0, 0]);
      }),
      { numRuns: 50 },
    );
  });

  it('writes the small ones of a turn in one piece, at its end', async () => {
    const sink = new Writes();
    const writer = new FrameWriter(sink);
    for (let i = 0; i < 100; i++) writer.send(i, [Buffer.alloc(10), Buffer.alloc(20)]);
    assert.equal(sink.all.length, 0);
    assert.equal(writer.unsent, 100 * (12 + 30));
    await Promise.resolve();
    assert.deepEqual(
      sink.all.map(({ length }) => length),
      [100 * (12 + 30)],
    );
    writer.send(1, [Buffer.alloc(1)]);
    await Promise.resolve();
    assert.equal(sink.all.length, 2);
  });

  it('does not copy a large one', () => {
    const sink = new Writes();
    const writer = new FrameWriter(sink);
    const large = Buffer.alloc(JOIN_BYTES_MAX);
    writer.send(1, [Buffer.alloc(10)]);
    writer.send(2, [Buffer.alloc(5), large]);
    writer.send(3, [Buffer.alloc(10)]);
    writer.flush();
    assert.ok(sink.all.includes(large));
    assert.equal(sink.all.length, 5);
  });

  it('drops what a closed socket would not take', () => {
    const sink = new Writes();
    const writer = new FrameWriter(sink);
    writer.send(1, [Buffer.alloc(10)]);
    sink.writable = false;
    writer.flush();
    assert.deepEqual([sink.all, writer.unsent], [[], 0]);
  });
});
