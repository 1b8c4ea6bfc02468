import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import avsc from 'avsc';
import fc from 'fast-check';
import { AvroFormatError, AvroReader } from '../../../src/codec/avro-binary.ts';
import {
  encodeCall,
  errorAnswer,
  NULL_ANSWER,
  readAnswer,
  readCallName,
  valueAnswerHead,
} from '../../../src/codec/rpc-calls.ts';

const PROTOCOL = new URL('../../../avro/rpc-handler-avro.avpr', import.meta.url);
const service = avsc.Service.forProtocol(JSON.parse(readFileSync(PROTOCOL, 'utf8')) as object);
const texts = fc.string({ unit: 'grapheme', maxLength: 200 });

describe('encodeCall', () => {
  for (const message of ['getValue', 'setValue', 'delete'] as const) {
    it(`writes the parameters of ${message} as avsc does`, () => {
      fc.assert(
        fc.property(texts, texts, (key, value) => {
          const call = encodeCall(message, key, value);
          const reader = new AvroReader(call);
          assert.equal(readCallName(reader), message);
          const parameters = message === 'setValue' ? { key, value } : { key };
          const expected = service.message(message).requestType.toBuffer(parameters);
          assert.deepEqual(reader.fixed(reader.left), expected);
          assert.deepEqual(encodeCall(message, Buffer.from(key), Buffer.from(value)), call);
        }),
      );
    });
  }
});

describe('readAnswer', () => {
  it('gives the value, nothing, or the error’s text', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const bytes = Buffer.from(text);
        const answer = Buffer.concat([valueAnswerHead(bytes.length), bytes]);
        assert.deepEqual(readAnswer(answer, 'getValue'), { kind: 'value', value: text });
        assert.deepEqual(readAnswer(errorAnswer(text), 'delete'), { kind: 'error', text });
      }),
    );
    assert.deepEqual(readAnswer(NULL_ANSWER, 'getValue'), { kind: 'value', value: null });
  });

  it('refuses a text that is longer than the answer', () => {
    const answer = Buffer.concat([valueAnswerHead(10), Buffer.from('nine long')]);
    assert.throws(() => readAnswer(answer, 'getValue'), AvroFormatError);
  });
});
