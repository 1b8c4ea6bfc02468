import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DONE_ANSWER, errorAnswer, NULL_ANSWER, PING } from '../../../src/codec/rpc-calls.ts';
import { encodeHandshakeResponse } from '../../../src/codec/rpc-handshake.ts';
import { judgeAvro } from '../../fuzz/avro-answers.ts';
import { AvroInputs } from '../../fuzz/avro-inputs.ts';
import { judgeHttp } from '../../fuzz/http-answers.ts';
import { HttpInputs } from '../../fuzz/http-inputs.ts';
import type { Input } from '../../fuzz/input.ts';
import { callFrame, frame, HANDSHAKE, PROTOCOL } from '../../helpers/rpc-socket.ts';

const GOOD = [
  'HTTP/1.1 404 Not Found',
  'Content-Type: application/json',
  'Cache-Control: no-store',
  'Content-Length: 15',
  'Date: Sat, 21 Nov 2026 00:00:00 GMT',
  '',
  '{"message":"m"}',
].join('\r\n');

function http(text: string): readonly string[] {
  return judgeHttp({ received: Buffer.from(text, 'latin1'), end: 'ended' }).violations;
}

describe('the judge of HTTP answers', () => {
  it('accepts answers one behind the other, those to HEAD among them', () => {
    const [head = ''] = GOOD.split('{');
    assert.deepEqual(http(`HTTP/1.1 100 Continue\r\n\r\n${GOOD}${head}${GOOD}${head}`), []);
  });

  const bad: Readonly<Record<string, string>> = {
    'half a head': GOOD.slice(0, 60),
    'half a body': GOOD.slice(0, -1),
    'too much of a body': `${GOOD}x`,
    'another status': GOOD.replace('404', '402'),
    'a fault of the node': GOOD.replace('404', '500'),
    'a code of another status': GOOD.replace('404', '400'),
    'no Content-Length': GOOD.replace('Content-Length: 15\r\n', ''),
    'a header twice': GOOD.replace('Date', 'Content-Length: 15\r\nDate'),
    'a header with a line in it': GOOD.replace('Sat', 'Sat\n'),
    'no Cache-Control': GOOD.replace('Cache-Control: no-store\r\n', ''),
    'another type': GOOD.replace('application/json', 'text/html'),
    'no JSON': GOOD.replace('{', '['),
    'an answer behind the last one': GOOD.replace('Date', 'Connection: close\r\nDate') + GOOD,
    '503 without Retry-After': GOOD.replace('404', '503'),
  };
  for (const [what, text] of Object.entries(bad)) {
    it(`sees ${what}`, () => assert.equal(http(text).length, 1, http(text).join('\n')));
  }
});

const ASKED = Buffer.concat([frame(1, HANDSHAKE, PING), callFrame(2, 'getValue', 'k')]);
const BOTH = encodeHandshakeResponse('BOTH', PROTOCOL);
const FIRST = frame(1, BOTH, DONE_ANSWER);

function avro(received: Buffer, asked: Buffer = ASKED) {
  const input: Input = {
    ...{ door: 'avro', kind: 'test', mutated: false, count: 2, finish: 'end' },
    pieces: [asked],
  };
  return judgeAvro(input, { received, end: 'ended' });
}

describe('the judge of Avro answers', () => {
  it('accepts one answer to each call, in any order', () => {
    const second = frame(2, NULL_ANSWER);
    for (const received of [Buffer.concat([FIRST, second]), Buffer.concat([second, FIRST])]) {
      const { passed, violations } = avro(received);
      assert.deepEqual([passed, violations], [true, []]);
    }
  });

  it('wants no answers behind a frame that is none', () => {
    const broken = Buffer.concat([frame(1, HANDSHAKE, PING), Buffer.alloc(8)]);
    assert.deepEqual(avro(FIRST, broken).violations, []);
  });

  const bad: Readonly<Record<string, Buffer>> = {
    'a call without an answer': FIRST,
    'two answers to a call': Buffer.concat([FIRST, frame(2, NULL_ANSWER), frame(2, NULL_ANSWER)]),
    'an answer to nobody': Buffer.concat([FIRST, frame(2, NULL_ANSWER), frame(3, NULL_ANSWER)]),
    'half an answer': Buffer.concat([FIRST, frame(2, NULL_ANSWER), Buffer.alloc(9)]),
    'no frames': Buffer.concat([FIRST, frame(2, NULL_ANSWER), Buffer.alloc(8)]),
    'bytes that are no answer': Buffer.concat([FIRST, frame(2, Buffer.from([0, 7]))]),
    'bytes too many': Buffer.concat([FIRST, frame(2, NULL_ANSWER, Buffer.alloc(1))]),
    'a fault of the node': Buffer.concat([FIRST, frame(2, errorAnswer('storage: it failed'))]),
    'an error without a code': Buffer.concat([FIRST, frame(2, errorAnswer('it failed'))]),
  };
  for (const [what, received] of Object.entries(bad)) {
    it(`sees ${what}`, () => assert.equal(avro(received).violations.length, 1));
  }
});

it('a seed gives the same conversations again, another seed others', () => {
  for (const Inputs of [HttpInputs, AvroInputs]) {
    const made = (seed: number) =>
      Array.from({ length: 50 }, (_, n) => Buffer.concat(new Inputs(seed).input(n).pieces));
    assert.deepEqual(made(1), made(1));
    assert.notDeepEqual(made(1), made(2));
  }
});
