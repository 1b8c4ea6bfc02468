import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EncodedRecord } from '../../../src/codec/codec.ts';
import { rawCodec } from '../../../src/codec/raw-codec.ts';
import type { LogRecord } from '../../../src/record.ts';
import { header, logRecord } from './log-records.ts';

const STAMP = 1_700_000_000_000;

function written({ value, headers }: EncodedRecord): LogRecord {
  return logRecord({ value, headers: headers.map(({ name, value }) => header(name, value)) });
}

describe('the raw codec', () => {
  it('writes a value as its bytes, without headers', () => {
    const value = Buffer.from([0, 0xff, 1]);
    assert.deepEqual(rawCodec.encodePut('k', value), { value, headers: [] });
  });

  it('writes an empty value as one byte and put-empty', () => {
    assert.deepEqual(rawCodec.encodePut('k', Buffer.alloc(0)), {
      value: Buffer.from([0]),
      headers: [{ name: 'bitacora-op', value: 'put-empty' }],
    });
  });

  it('writes a delete as one byte and delete, so that compaction keeps it', () => {
    assert.deepEqual(rawCodec.encodeDelete('k'), {
      value: Buffer.from([0]),
      headers: [{ name: 'bitacora-op', value: 'delete' }],
    });
  });

  it('reads back whatever it wrote', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const decoded = rawCodec.decode(written(rawCodec.encodePut('k', Buffer.from(bytes))));
        assert.deepEqual(decoded, { kind: 'live', value: Buffer.from(bytes), timestamp: STAMP });
      }),
    );
    assert.deepEqual(rawCodec.decode(written(rawCodec.encodeDelete('k'))), {
      kind: 'marker',
      timestamp: STAMP,
    });
  });

  it('takes the one byte 00 without a header for a value', () => {
    const value = Buffer.from([0]);
    assert.deepEqual(rawCodec.decode(logRecord({ value })), {
      kind: 'live',
      value,
      timestamp: STAMP,
    });
  });

  it('lets the header decide, not the body', () => {
    const value = Buffer.from('a body');
    const marked = logRecord({ value, headers: [header('bitacora-op', 'delete')] });
    const empty = logRecord({ value, headers: [header('bitacora-op', 'put-empty')] });
    assert.equal(rawCodec.decode(marked).kind, 'marker');
    assert.deepEqual(rawCodec.decode(empty), {
      kind: 'live',
      value: Buffer.alloc(0),
      timestamp: STAMP,
    });
  });

  it('takes a null value for a delete, whatever the headers say', () => {
    assert.equal(rawCodec.decode(logRecord({ value: null })).kind, 'marker');
    const headers = [header('bitacora-new', 'x')];
    assert.equal(rawCodec.decode(logRecord({ value: null, headers })).kind, 'marker');
  });

  it('takes an empty value for an empty value', () => {
    const decoded = rawCodec.decode(logRecord({ value: Buffer.alloc(0) }));
    assert.deepEqual(decoded, { kind: 'live', value: Buffer.alloc(0), timestamp: STAMP });
  });

  it('passes over headers of others', () => {
    const headers = [
      header('trace', 'delete'),
      header('Bitacora-op', 'delete'),
      header('bitacora', 'x'),
      header('', ''),
    ];
    assert.equal(rawCodec.decode(logRecord({ headers })).kind, 'live');
    const marked = [...headers, header('bitacora-op', 'delete')];
    assert.equal(rawCodec.decode(logRecord({ headers: marked })).kind, 'marker');
  });

  const unreadable: [string, ReturnType<typeof header>[], string][] = [
    ['an unknown name', [header('bitacora-lease', '1')], 'an unknown header "bitacora-lease"'],
    [
      'an unknown name beside a known one',
      [header('bitacora-op', 'delete'), header('bitacora-if', '3')],
      'an unknown header "bitacora-if"',
    ],
    [
      'an unknown value',
      [header('bitacora-op', 'merge')],
      'an unknown value "merge" of the header bitacora-op',
    ],
    [
      'an empty value',
      [header('bitacora-op', '')],
      'an unknown value "" of the header bitacora-op',
    ],
    [
      'bytes that only look like a known value',
      [header('bitacora-op', Buffer.from('delete\0'))],
      'an unknown value "delete\\u0000" of the header bitacora-op',
    ],
    [
      'the same twice',
      [header('bitacora-op', 'delete'), header('bitacora-op', 'delete')],
      '2 headers bitacora-op',
    ],
  ];
  for (const [what, headers, reason] of unreadable) {
    it(`cannot read a record with ${what}`, () => {
      const decoded = rawCodec.decode(logRecord({ headers }));
      assert.deepEqual(decoded, { kind: 'unreadable', reason, timestamp: STAMP });
    });
  }

  it('names a huge header in bounds', () => {
    const decoded = rawCodec.decode(
      logRecord({ headers: [header(`bitacora-${'x'.repeat(9_999)}`, '')] }),
    );
    assert.equal(decoded.kind === 'unreadable' && decoded.reason.length < 120, true);
  });
});
