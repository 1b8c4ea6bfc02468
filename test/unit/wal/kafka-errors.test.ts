import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { ExitError, LogUnavailableError } from '../../../src/errors.ts';
import { meaningOf } from '../../../src/wal/kafka/kafka-admin-errors.ts';
import {
  codeOf,
  isFatal,
  KAFKA_CODE,
  outcomeOf,
  saysGone,
  writeFailure,
} from '../../../src/wal/kafka/kafka-errors.ts';

const native = createRequire(import.meta.url)('node-rdkafka/librdkafka.js') as {
  err2str(code: number): string;
};

/** An error of a report or an event: the wrapper keeps the end of the text, in lower case. */
function reported(code: number) {
  const text = native.err2str(code).split(': ').at(-1) ?? '';
  return { message: text.toLowerCase(), code: -1 };
}

describe('errors of the native client', () => {
  it('are known by the texts that this build of the client gives', () => {
    for (const code of Object.values(KAFKA_CODE)) {
      assert.equal(codeOf(reported(code)), code, native.err2str(code));
      assert.equal(codeOf({ message: native.err2str(code), code: -1 }), code);
    }
    assert.equal(codeOf({ message: 'whatever', code: 10 }), 10);
    assert.equal(codeOf({ message: 'something new' }), -1);
  });

  it('are doubtful unless their nature says that nothing was written', () => {
    const messageTimedOut = -192;
    const notEnoughReplicas = 19;
    const afterAppend = 20;
    const inFlight = -151;
    for (const code of [messageTimedOut, notEnoughReplicas, afterAppend, inFlight, -150, 45]) {
      assert.equal(outcomeOf(reported(code)), 'unknown', native.err2str(code));
    }
    assert.equal(outcomeOf({ message: 'something new' }), 'unknown');
    for (const code of [-190, -188, -184, -152, 3, 10, 87]) {
      assert.equal(outcomeOf(reported(code)), 'not_written', native.err2str(code));
    }
  });

  it('become the answers of a write', () => {
    const { code, outcome, retryAfterS } = writeFailure(reported(KAFKA_CODE.queueFull));
    assert.deepEqual([code, outcome, retryAfterS], ['overloaded', 'not_written', 1]);
    assert.equal(writeFailure(reported(KAFKA_CODE.tooLarge)).code, 'too_large');
    const lost = writeFailure(reported(-192));
    assert.deepEqual([lost.code, lost.outcome], ['log_unavailable', 'unknown']);
    assert.equal(writeFailure(reported(-192), 'not_written').outcome, 'not_written');
  });

  it('tell what is fatal and what is gone', () => {
    assert.ok(isFatal(reported(-150)) && isFatal({ message: 'x', code: -150 }));
    assert.ok(!isFatal(reported(-195)));
    assert.ok(saysGone(reported(3)) && saysGone(reported(-190)) && !saysGone(reported(-185)));
  });
});

describe('errors of the admin client', () => {
  const error = (message: string, parts: object = {}, cause?: unknown) =>
    Object.assign(new Error(message, { cause }), parts);
  const meaning = (given: unknown, seen: readonly unknown[] = []) => {
    const found = meaningOf(given, 'host:9092', seen);
    return [found instanceof ExitError ? found.exitCode : 'later', found.message];
  };

  it('end the node when Kafka refuses it', () => {
    const refused = error('SASL failed', {
      apiId: 'SASL_AUTHENTICATION_FAILED',
      serverErrorMessage: 'bad password',
    });
    const nested = new AggregateError(
      [error('failed', {}, refused)],
      'Cannot connect to any broker.',
    );
    assert.deepEqual(meaning(nested), [1, 'Kafka refuses the credentials: bad password']);
    const expired = error('certificate has expired', { code: 'CERT_HAS_EXPIRED' });
    assert.equal(meaning(error('failed', {}, expired))[0], 1);
    assert.equal(meaning(error('closed'), [error('alert', {}, expired)])[0], 1);
    const denied = error('no', { apiId: 'TOPIC_AUTHORIZATION_FAILED' });
    assert.equal(meaning(new AggregateError([denied], 'x'))[0], 1);
  });

  it('are tried again otherwise', () => {
    for (const code of [
      'ECONNREFUSED',
      'ECONNRESET',
      'ETIMEDOUT',
      'ENOTFOUND',
      'PLT_KFK_NETWORK',
    ]) {
      assert.equal(meaning(error('failed', { code }))[0], 'later', code);
    }
    assert.equal(meaning(error('no leader', { apiId: 'LEADER_NOT_AVAILABLE' }))[0], 'later');
    // A broker that goes down in the middle of a login has refused nothing.
    const cut = error(
      'Cannot find a suitable SASL mechanism.',
      { code: 'PLT_KFK_AUTHENTICATION' },
      error('Connection closed', { code: 'PLT_KFK_NETWORK' }),
    );
    assert.equal(meaning(cut)[0], 'later');
    const kept = new LogUnavailableError('as it was');
    assert.equal(meaningOf(kept, 'host:9092', []), kept);
  });
});
