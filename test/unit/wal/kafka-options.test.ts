import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  adminOptions,
  type KafkaSecurity,
  probeConfig,
  producerConfig,
  readerConfig,
} from '../../../src/wal/kafka/kafka-options.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n';
const LIMITS = { writeTimeoutMs: 30_000, messageBytesMax: 5_000_000 };

function connection(security: KafkaSecurity, brokers = 'one:9092,two:9092') {
  return { brokers, clientId: 'id', security };
}

describe('the settings of Kafka clients', () => {
  const plain = connection({ protocol: 'plaintext' });

  it('stand where the client looks for them: those of topics in the second place', () => {
    const reader = readerConfig(plain, 'group');
    assert.deepEqual(reader.topic, { 'auto.offset.reset': 'error' });
    assert.equal(reader.global['group.id'], 'group');
    assert.equal(reader.global['enable.auto.commit'], false);
    const producer = producerConfig(plain, LIMITS);
    assert.deepEqual(producer.topic, {
      'delivery.timeout.ms': 28_000,
      'request.required.acks': -1,
    });
    assert.equal(producer.global['enable.idempotence'], true);
    for (const { global } of [reader, producer, probeConfig(plain, 'read_committed')]) {
      assert.equal(global['metadata.broker.list'], 'one:9092,two:9092');
      for (const name of ['auto.offset.reset', 'delivery.timeout.ms', 'partitioner']) {
        assert.ok(!(name in global), name);
      }
    }
  });

  it('keep a batch below what the topic takes, and a write below its deadline', () => {
    const { global } = producerConfig(plain, { writeTimeoutMs: 1_000, messageBytesMax: 20_000 });
    assert.equal(global['batch.size'], 20_000);
    assert.equal(producerConfig(plain, LIMITS).global['batch.size'], 1_000_000);
    assert.equal(producerConfig(plain, LIMITS).global['message.max.bytes'], 5_000_000);
    const { topic } = producerConfig(plain, { ...LIMITS, writeTimeoutMs: 1_000 });
    assert.equal(topic['delivery.timeout.ms'], 500);
  });

  it('take keys and certificates as files or as text', () => {
    const secured = connection({
      protocol: 'sasl_ssl',
      sslCa: PEM,
      sslCert: '/etc/cert.pem',
      sslKey: '/etc/key.pem',
      sslKeyPassword: 'p',
      saslUsername: 'u',
      saslPassword: 'w',
    });
    const { global } = readerConfig(secured, 'group');
    const wanted = {
      'security.protocol': 'sasl_ssl',
      'ssl.ca.pem': PEM,
      'ssl.certificate.location': '/etc/cert.pem',
      'ssl.key.location': '/etc/key.pem',
      'ssl.key.password': 'p',
      'sasl.mechanisms': 'PLAIN',
      'sasl.username': 'u',
      'sasl.password': 'w',
    };
    assert.deepEqual({ ...global, ...wanted }, global);
    assert.throws(() => adminOptions(secured), /KAFKA_SSL_CERT/);
  });

  it('say the same to the admin client', () => {
    const security = { protocol: 'ssl', sslCa: PEM, saslUsername: 'unused' } as const;
    const options = adminOptions(connection(security));
    assert.deepEqual(options.bootstrapBrokers, ['one:9092', 'two:9092']);
    assert.equal(options.retries, false);
    assert.deepEqual(options.tls, { ca: PEM });
    assert.equal(options.tlsServerName, true);
    assert.equal(options.sasl, undefined);
    assert.equal(adminOptions(connection(security, '10.0.0.1:9092')).tlsServerName, false);
    assert.equal(adminOptions(plain).tls, undefined);
  });

  it('are incomplete without a user', () => {
    const half = connection({ protocol: 'sasl_plaintext', saslUsername: 'u' });
    assert.throws(() => adminOptions(half), /KAFKA_SASL_PASSWORD/);
  });
});
