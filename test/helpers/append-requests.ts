import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { LogRecord } from '../../src/record.ts';
import type { Appended, AppendRequest } from '../../src/wal/wal.ts';

/** An append to a key that nothing else uses, unless one is given. */
export function requestFor(
  partition: number,
  parts: {
    readonly key?: Buffer | string;
    readonly value?: Buffer | string;
    readonly headers?: AppendRequest['headers'];
  } = {},
): AppendRequest {
  return {
    partition,
    key: Buffer.from(parts.key ?? `key-${randomUUID()}`),
    value: Buffer.from(parts.value ?? `value-${randomUUID()}`),
    headers: parts.headers ?? [],
  };
}

/** Fails unless the record is what was appended. */
export function assertSame(record: LogRecord, request: AppendRequest, appended: Appended): void {
  assert.equal(record.partition, request.partition);
  assert.equal(record.offset, appended.offset);
  assert.ok(record.key?.equals(request.key), 'the key came back changed');
  assert.ok(record.value?.equals(request.value), 'the value changed');
  assert.deepEqual(
    record.headers.map(({ name, value }) => ({ name, value: value.toString('latin1') })),
    request.headers.map(({ name, value }) => ({ name, value })),
  );
}
