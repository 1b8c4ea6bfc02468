import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BitacoraError } from '../../../src/client/bitacora-error.ts';
import { judgeError } from '../../../src/client/judge-error.ts';
import { formatRpcError, parseRpcError } from '../../../src/codec/rpc-error-text.ts';

describe('judgeError', () => {
  const cases: [string, 'getValue' | 'setValue', string][] = [
    ['recovering: x', 'getValue', 'retry'],
    ['log_unavailable: x', 'getValue', 'retry'],
    ['not_yet: x', 'getValue', 'retry'],
    ['overloaded: x', 'getValue', 'retry'],
    ['storage: x', 'getValue', 'retry'],
    ['bad_key: x', 'getValue', 'rejected'],
    ['unreadable: x', 'getValue', 'rejected'],
    ['java.lang.NullPointerException', 'getValue', 'rejected'],
    ['log_unavailable: x (outcome: not_written)', 'setValue', 'retry'],
    ['overloaded: x (outcome: not_written)', 'setValue', 'retry'],
    ['log_unavailable: x (outcome: unknown)', 'setValue', 'unknown_outcome'],
    ['log_unavailable: x', 'setValue', 'unknown_outcome'],
    ['java.lang.NullPointerException', 'setValue', 'unknown_outcome'],
    ['bad_value: x', 'setValue', 'rejected'],
    ['too_large: x', 'setValue', 'rejected'],
  ];
  for (const [text, message, expected] of cases) {
    it(`takes '${text}' of ${message} as ${expected}`, () => {
      const judged = judgeError(message, text);
      assert.equal(judged instanceof BitacoraError ? judged.code : judged, expected);
      if (judged instanceof BitacoraError) assert.equal(judged.message, text);
    });
  }

  it('reads back what the door writes', () => {
    for (const outcome of ['not_written', 'unknown', undefined] as const) {
      const error = { code: 'too_large', message: 'a: b\n(c)', outcome } as const;
      assert.deepEqual(parseRpcError(formatRpcError(error)), error);
    }
  });
});
