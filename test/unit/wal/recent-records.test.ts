import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LogRecord } from '../../../src/record.ts';
import { RecentRecords } from '../../../src/wal/embedded/recent-records.ts';

const GARBAGE_BYTES = 3_000;

/** A part of a buffer that many share, as requests bring them. */
function shared(text: string): Buffer {
  for (let i = 0; i < 3; i++) Buffer.allocUnsafe(GARBAGE_BYTES);
  return Buffer.from(text);
}

function recordOf(offset: number, value: Buffer): LogRecord {
  const headers = offset % 2 === 0 ? [] : [{ name: 'bitacora-op', value: shared('put-empty') }];
  return { partition: 0, offset, timestamp: 1, key: shared(`key ${offset}`), value, headers };
}

describe('the newest records of the embedded log', () => {
  it('keep no more memory alive than they take', () => {
    const recent = new RecentRecords([0]);
    const records = Array.from({ length: 10 }, (_, i) => recordOf(i, shared(`value ${i}`)));
    recent.add(records.slice(0, 5), [0]);
    recent.add(records.slice(5), [5]);
    const kept = [...recent.from(0, 0)];
    assert.deepEqual(kept, records);
    const memory = new Map<ArrayBufferLike, number>();
    let used = 0;
    for (const { key, value, headers } of kept) {
      for (const bytes of [key, value, ...headers.map((header) => header.value)]) {
        if (bytes === null) continue;
        used += bytes.length;
        memory.set(bytes.buffer, bytes.buffer.byteLength);
      }
    }
    const held = [...memory.values()].reduce((sum, each) => sum + each, 0);
    assert.equal(held, used);
  });
});
