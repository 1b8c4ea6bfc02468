import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import avsc from 'avsc';
import fc from 'fast-check';
import { createAvroCodec } from '../../../src/codec/avro-codec.ts';
import type { Decoded } from '../../../src/codec/codec.ts';
import { ServiceError } from '../../../src/errors.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { header, logRecord } from './log-records.ts';

const NOW = Date.UTC(2026, 10, 21);
const STAMP = 1_700_000_000_000;

/** Another reader and writer of the same schema, to compare with. */
const schema = new URL('../../../avro/key-value-raw-avro.avsc', import.meta.url);
const reference = avsc.Type.forSchema(JSON.parse(readFileSync(schema, 'utf8')));

interface Fields {
  readonly key: string;
  readonly value: string;
  readonly timestamp: number;
  readonly source: number;
  readonly ttl: number;
  readonly uuid: string;
}

function codecOf(appendTime: boolean) {
  return createAvroCodec({ appendTime, clock: new ManualClock(NOW), random: () => 0.5 });
}

function avro(fields: Partial<Fields> = {}): Buffer {
  const whole = { key: 'k', value: 'v', timestamp: 5, source: 3, ttl: 0, uuid: '1', ...fields };
  return reference.toBuffer(whole);
}

function decode(value: Buffer | null, timestamp = STAMP, appendTime = true): Decoded {
  return codecOf(appendTime).decode(logRecord({ value, timestamp }));
}

function assertUnreadable(value: Buffer, reason: RegExp): void {
  const decoded = decode(value);
  assert.equal(decoded.kind, 'unreadable');
  assert.match(decoded.kind === 'unreadable' ? decoded.reason : '', reason);
  assert.equal(decoded.timestamp, STAMP);
}

describe('the avro codec', () => {
  it('reads what the original wrote', () => {
    const golden = [
      ['066f6e6506616263a898d6bdbf6806002633343131353832393636333939393935393036', 'abc'],
      ['0c656d7074797600faabd6bdbf6806002633343131353832393733303532313632303533', ''],
    ] as const;
    for (const [hex, value] of golden) {
      const decoded = decode(Buffer.from(hex, 'hex'), -1);
      assert.equal(decoded.kind === 'live' && decoded.value.toString(), value);
      assert.ok(Math.abs(decoded.timestamp - Date.UTC(2026, 10, 21)) < 86_400_000);
    }
    assert.equal(decode(Buffer.from(golden[0][0], 'hex'), -1).timestamp, 1_795_226_781_204);
  });

  it('writes what the original’s schema reads', () => {
    const codec = codecOf(true);
    const { value, headers } = codec.encodePut('clé', Buffer.from('€😀'));
    const { uuid, ...fields } = reference.fromBuffer(value) as Fields;
    assert.deepEqual(headers, []);
    assert.deepEqual(
      { ...fields },
      { key: 'clé', value: '€😀', timestamp: NOW, source: 3, ttl: 0 },
    );
    assert.match(uuid, /^\d{19}$/);
    assert.equal(BigInt(uuid) >> 23n, BigInt(NOW - Date.UTC(2014, 0, 1)));
    assert.ok(BigInt(uuid) < 1n << 63n);
  });

  it('gives each record of one writer its own uuid', () => {
    const codec = codecOf(true);
    const uuids = Array.from({ length: 1_000 }, () => {
      return (reference.fromBuffer(codec.encodePut('k', Buffer.from('v')).value) as Fields).uuid;
    });
    assert.equal(new Set(uuids).size, 1_000);
  });

  it('writes a delete as the record that the original takes for expired', () => {
    const { value } = codecOf(true).encodeDelete('k');
    const fields = reference.fromBuffer(value) as Fields;
    assert.equal(fields.ttl, -1);
    assert.equal(fields.value, '');
    assert.deepEqual(decode(value), { kind: 'marker', timestamp: STAMP });
  });

  it('reads back whatever it wrote, the empty value too', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        const value = Buffer.from(text);
        const decoded = decode(codecOf(true).encodePut('k', value).value);
        assert.deepEqual(decoded, { kind: 'live', value, timestamp: STAMP });
      }),
    );
  });

  it('refuses to write bytes that are not UTF-8', () => {
    assert.throws(
      () => codecOf(true).encodePut('k', Buffer.from([0xc3])),
      (error) => error instanceof ServiceError && error.code === 'bad_value',
    );
  });

  it('takes any negative ttl and a null value for a delete, other ttls for live', () => {
    assert.equal(decode(avro({ ttl: -1 })).kind, 'marker');
    assert.equal(decode(avro({ ttl: -99_999, value: 'left' })).kind, 'marker');
    assert.equal(decode(null).kind, 'marker');
    assert.equal(decode(avro({ ttl: STAMP })).kind, 'live');
  });

  it('takes the log’s stamp where it is the append time, else the field', () => {
    const bytes = avro({ timestamp: 42 });
    assert.equal(decode(bytes, STAMP, true).timestamp, STAMP);
    assert.equal(decode(bytes, 0, true).timestamp, 0);
    assert.equal(decode(bytes, -1, true).timestamp, 42);
    assert.equal(decode(bytes, STAMP, false).timestamp, 42);
    assert.equal(decode(avro({ timestamp: 42, ttl: -1 }), STAMP, false).timestamp, 42);
  });

  it('knows no header of ours, and passes over others’', () => {
    const codec = codecOf(true);
    const foreign = logRecord({ value: avro(), headers: [header('trace', 'x')] });
    const ours = logRecord({ value: avro(), headers: [header('bitacora-op', 'delete')] });
    assert.equal(codec.decode(foreign).kind, 'live');
    assert.equal(codec.decode(ours).kind, 'unreadable');
  });

  it('cannot read a record that is cut anywhere, or has a byte too many', () => {
    const bytes = avro({ value: 'a value', timestamp: STAMP });
    for (let end = 0; end < bytes.length; end++) {
      assertUnreadable(bytes.subarray(0, end), /^not Avro: /);
    }
    assertUnreadable(Buffer.concat([bytes, Buffer.from([0])]), /1 bytes too many/);
  });

  it('cannot read lengths that lie', () => {
    assertUnreadable(Buffer.from('0102', 'hex'), /-1 bytes announced/);
    assertUnreadable(Buffer.from('026bfeffffff0f76', 'hex'), /bytes announced, 1 are there/);
    assertUnreadable(Buffer.alloc(64, 0xff), /a number is too large/);
  });

  it('cannot read texts that are not UTF-8', () => {
    const bytes = avro({ key: 'KK', value: 'VV', uuid: 'UU' });
    for (const [letters, field] of [
      ['KK', 'key'],
      ['VV', 'value'],
      ['UU', 'uuid'],
    ] as const) {
      const broken = Buffer.from(bytes);
      broken.write('\xc3\x28', broken.indexOf(letters), 'latin1');
      assertUnreadable(broken, new RegExp(`the ${field} is not UTF-8`));
    }
  });

  it('cannot read numbers that a number cannot hold', () => {
    const tail = Buffer.from('060002' + '31', 'hex');
    const head = Buffer.from('026b0276', 'hex');
    const huge = Buffer.from('ffffffffffffffff7f', 'hex');
    assertUnreadable(Buffer.concat([head, huge, tail]), /a number is too large/);
    const wide = Buffer.from('80808080' + '8001', 'hex');
    assertUnreadable(
      Buffer.concat([head, Buffer.from([2]), wide, Buffer.from('000231', 'hex')]),
      /int/,
    );
  });

  it('makes something of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const { kind } = decode(Buffer.from(bytes));
        assert.ok(['live', 'marker', 'unreadable'].includes(kind));
      }),
      { numRuns: 2_000 },
    );
  });
});
