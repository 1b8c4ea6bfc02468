import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Entry, EntryKind } from '../../../src/entry.ts';
import { readAnswer } from '../../../src/http/answers.ts';
import {
  MalformedAnswerError,
  parseAnswer,
  type RawAnswer,
} from '../../../src/peers/parse-answer.ts';
import type { PeerAnswer } from '../../../src/peers/peer-transport.ts';

const LOG = 'cluster/topic';
const ASKED = { key: 'k', partition: 3 };
const ENTRY: Entry = { kind: 'live', offset: 7, timestamp: 1_000, value: Buffer.from('v') };
const STATE = { trust: 'final', partition: 3, position: 9, source: 1 } as const;

/** What our own HTTP door says. */
function told(
  key: string,
  entry: Entry | undefined,
  trust: 'final' | 'behind' = 'final',
): RawAnswer {
  const { status, headers, body } = readAnswer(key, { ...STATE, trust, entry });
  const named: Record<string, string> = { 'bitacora-log': LOG, 'content-type': 'application/json' };
  for (let i = 0; i < headers.length; i += 2) {
    named[headers[i]!.toLowerCase()] = headers[i + 1]!;
  }
  return { status, headers: named, body: Buffer.from(body) };
}

function changed(headers: RawAnswer['headers'], entry: Entry | undefined = ENTRY): RawAnswer {
  const answer = told('k', entry);
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

function withBody(fields: Record<string, unknown>): RawAnswer {
  const answer = told('k', ENTRY);
  const body = { ...JSON.parse(answer.body.toString()), ...fields };
  return { ...answer, body: Buffer.from(JSON.stringify(body)) };
}

describe('an answer of a node', () => {
  it('comes out as the door put it in, whatever key and bytes', () => {
    const entries = fc.record({
      kind: fc.constantFrom<EntryKind>('live', 'marker', 'unreadable'),
      offset: fc.maxSafeNat(),
      timestamp: fc.oneof(fc.maxSafeNat(), fc.constant(-1)),
      value: fc.oneof(
        fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
        fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
      ),
    });
    const keys = fc.string({ unit: 'binary', minLength: 1 });
    const trusts = fc.constantFrom('final', 'behind');
    fc.assert(
      fc.property(keys, fc.option(entries, { nil: undefined }), trusts, (key, given, trust) => {
        const text = Buffer.from(given?.value.toString() ?? '');
        const value =
          given?.kind === 'live' ? given.value : given?.kind === 'marker' ? Buffer.alloc(0) : text;
        const entry = given && { ...given, value };
        const expected: PeerAnswer = { log: LOG, position: 9, final: trust === 'final', entry };
        assert.deepEqual(parseAnswer(told(key, entry, trust), { key, partition: 3 }), expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it('may carry an entry beyond its position, which was read before', () => {
    const { entry, position } = parseAnswer(told('k', { ...ENTRY, offset: 12 }), ASKED);
    assert.deepEqual([entry?.offset, position], [12, 9]);
  });

  it('says nothing where the node has not met its log', () => {
    const { 'bitacora-log': _, ...headers } = told('k', undefined, 'behind').headers;
    const answer = { ...told('k', undefined), headers };
    const nothing = { log: undefined, position: undefined, final: false, entry: undefined };
    assert.deepEqual(parseAnswer(answer, ASKED), nothing);
  });

  const marker: Entry = { ...ENTRY, kind: 'marker', value: Buffer.alloc(0) };
  const refused: readonly (readonly [string, RawAnswer])[] = [
    ['data of no log', changed({ 'bitacora-log': undefined })],
    ['an empty log', changed({ 'bitacora-log': '' })],
    ['two logs', changed({ 'bitacora-log': [LOG, LOG] })],
    ['a log of strange characters', changed({ 'bitacora-log': 'a/b c' })],
    ['another word for its trust', changed({ 'bitacora-read': 'peer' })],
    ['no position', changed({ 'bitacora-position': undefined })],
    ['a position of another partition', changed({ 'bitacora-position': '4:9' })],
    ['a position that is no number', changed({ 'bitacora-position': '3:x' })],
    ['a position beyond all numbers', changed({ 'bitacora-position': '3:9999999999999999' })],
    ['a negative position', changed({ 'bitacora-position': '3:-1' })],
    ['no version', changed({ 'bitacora-version': undefined })],
    ['a version of another partition', changed({ 'bitacora-version': '4:7' })],
    ['a version that its body does not tell', changed({ 'bitacora-version': '3:8' })],
    ['no timestamp', changed({ 'bitacora-timestamp': undefined })],
    ['a timestamp that is no integer', changed({ 'bitacora-timestamp': '1e3' })],
    ['a timestamp that its body does not tell', changed({ 'bitacora-timestamp': '1001' })],
    ['a marker without a version', changed({ 'bitacora-version': undefined }, marker)],
    ['a version of nothing', changed({ 'bitacora-deleted': undefined }, marker)],
    ['another key', withBody({ key: 'other' })],
    ['no value', withBody({ value: undefined })],
    ['a value that is no text', withBody({ value: 5 })],
    ['a value of half a character', withBody({ value: '\ud800' })],
    ['base64 that is none', withBody({ value: '!', encoding: 'base64' })],
    [
      'base64 that is not the one form of its bytes',
      withBody({ value: 'YR==', encoding: 'base64' }),
    ],
    ['another encoding', withBody({ encoding: 'hex' })],
    ['a timestamp as text', withBody({ timestamp: '1000' })],
    ['no uuid', withBody({ uuid: undefined })],
    ['a body that is no object', { ...told('k', ENTRY), body: Buffer.from('["k"]') }],
    ['a body that is no JSON', { ...told('k', ENTRY), body: Buffer.from('{"key":"k"') }],
    ['a body that is not UTF-8', { ...told('k', ENTRY), body: Buffer.from([0x22, 0xff, 0x22]) }],
    ['an empty body', { ...told('k', ENTRY), body: Buffer.alloc(0) }],
    ['another failure', { ...told('k', ENTRY), status: 500 }],
    ['a redirect', { ...changed({ location: '/' }), status: 302 }],
    ['a status that is none of ours', { ...told('k', ENTRY), status: 206 }],
    ['503', { ...told('k', undefined), status: 503 }],
  ];
  for (const [what, answer] of refused) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => parseAnswer(answer, ASKED), MalformedAnswerError);
    });
  }
});

describe('an answer of the original’s nodes', () => {
  function java(status: number, body: Buffer): RawAnswer {
    const headers = { 'content-type': 'application/json; charset=ISO-8859-1' };
    return { status, headers, body };
  }

  function hit(key: string, value: string): RawAnswer {
    const text = `{"key":"${key}","value":"${value}","timestamp":1795226781204,"source":1,"ttl":0,"uuid":"3411582966399995906"}\n`;
    return java(200, Buffer.from(text, 'latin1'));
  }

  it('is an entry that only its timestamp ranks', () => {
    assert.deepEqual(parseAnswer(hit('k', 'abc'), ASKED), {
      log: undefined,
      position: undefined,
      final: false,
      entry: {
        kind: 'live',
        offset: -1,
        timestamp: 1_795_226_781_204,
        value: Buffer.from('abc'),
      },
    });
  });

  it('is read as Latin-1, with its escapes', () => {
    const { entry } = parseAnswer(hit('clé', 'caf\xe9 \\u003c'), { key: 'clé', partition: 0 });
    assert.equal(entry?.value.toString(), 'café <');
  });

  it('tells nothing where characters may have been lost', () => {
    assert.equal(parseAnswer(hit('k', '? or €'), ASKED).entry, undefined);
    assert.equal(parseAnswer(hit('?', 'v'), { key: '€', partition: 0 }).entry, undefined);
  });

  it('tells nothing with a 404', () => {
    const { log, position, entry } = parseAnswer(
      java(404, Buffer.from('{ "message": "…"} ')),
      ASKED,
    );
    assert.deepEqual([log, position, entry], [undefined, undefined, undefined]);
  });

  it('is refused with another key, another status or garbage', () => {
    for (const answer of [
      hit('x', 'v'),
      java(500, Buffer.alloc(0)),
      java(200, Buffer.from('OK')),
    ]) {
      assert.throws(() => parseAnswer(answer, ASKED), MalformedAnswerError);
    }
  });
});
