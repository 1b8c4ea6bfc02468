import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { KafkaSecurity } from '../../src/wal/kafka/kafka-options.ts';
import type { KafkaWal } from '../../src/wal/kafka/kafka-wal.ts';
import { requestFor } from '../helpers/append-requests.ts';
import { eventually } from '../helpers/eventually.ts';
import { isExit, openKafkaWal } from '../helpers/kafka-wal.ts';
import { LogFollower } from '../helpers/log-follower.ts';
import { createTopic, rawAdmin } from '../helpers/raw-kafka.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../helpers/temporary-directory.ts';
import { type KafkaCluster, startKafka } from '../services/kafka.ts';
import { freePorts } from '../services/process.ts';
import { uniqueName } from '../services/shared.ts';

const run = promisify(execFile);
const SECRET = 'not-a-secret';
const TOPIC = 2;
const LITERAL = 3;
const ALLOW = 3;
const OPERATIONS = { read: 3, write: 4, describe: 8 };

/** A key and its own certificate for 127.0.0.1, as Java's tool makes them. */
async function makeStore(folder: string, name: string) {
  const store = join(folder, `${name}.p12`);
  const pem = join(folder, `${name}.pem`);
  const common = ['-alias', name, '-keystore', store, '-storepass', SECRET];
  const subject = ['-dname', `CN=${name}`, '-ext', 'SAN=ip:127.0.0.1', '-validity', '30'];
  await run('keytool', [
    '-genkeypair',
    '-keyalg',
    'RSA',
    '-storetype',
    'PKCS12',
    ...subject,
    ...common,
  ]);
  await run('keytool', ['-exportcert', '-rfc', '-file', pem, ...common]);
  return { store, pem };
}

describe('a Kafka with locked doors', () => {
  let folder: TemporaryDirectory;
  let kafka: KafkaCluster;
  let doors: { password: string; certificate: string };
  let authority: string;
  let stranger: string;
  const wals: KafkaWal[] = [];

  const open = async (topic: string, brokers: string, security: KafkaSecurity) => {
    const wal = await openKafkaWal({ brokers, topic, security });
    wals.push(wal);
    return wal;
  };
  const alice = (): KafkaSecurity => ({
    protocol: 'sasl_ssl',
    sslCa: authority,
    saslMechanism: 'PLAIN',
    saslUsername: 'alice',
    saslPassword: 'wonder',
  });

  before(async () => {
    folder = await temporaryDirectory('doors');
    const [broker, other] = [
      await makeStore(folder.path, 'broker'),
      await makeStore(folder.path, 'stranger'),
    ];
    authority = broker.pem;
    stranger = await readFile(other.pem, 'utf8');
    const [inner, controller, password, certificate] = await freePorts(4);
    doors = { password: `127.0.0.1:${password}`, certificate: `127.0.0.1:${certificate}` };
    const properties: Record<string, string> = {
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      'listener.security.protocol.map':
        'CLIENT:PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT,PASSWORD:SASL_SSL,CERTIFICATE:SSL',
      'ssl.keystore.location': broker.store,
      'ssl.keystore.password': SECRET,
      'ssl.keystore.type': 'PKCS12',
      'ssl.truststore.location': broker.store,
      'ssl.truststore.password': SECRET,
      'ssl.truststore.type': 'PKCS12',
      'listener.name.certificate.ssl.client.auth': 'required',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.password.plain.sasl.jaas.config':
        'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="wonder";',
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
    };
    kafka = await startKafka({
      properties,
      advertise: (_, port) => {
        const named = `INNER://127.0.0.1:${inner},PASSWORD://${doors.password},CERTIFICATE://${doors.certificate}`;
        properties['listeners'] =
          `CLIENT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller},${named}`;
        properties['advertised.listeners'] = `CLIENT://127.0.0.1:${port},${named}`;
        return `127.0.0.1:${port}`;
      },
    });
  });
  after(async () => {
    for (const wal of wals) await wal.close(1_000);
    await kafka?.stop();
    await folder?.remove();
  });

  it('lets in who has the password, with no more rights than needed', async () => {
    const topic = uniqueName('alice');
    const denied = await open(topic, doors.password, alice());
    await assert.rejects(denied.connect(), isExit(1, /does not permit/));
    await createTopic(kafka.brokerList, topic, { 'cleanup.policy': 'compact' });
    const admin = rawAdmin(kafka.brokerList);
    await admin.createAcls({
      creations: Object.values(OPERATIONS).map((operation) => ({
        resourceType: TOPIC,
        resourceName: topic,
        resourcePatternType: LITERAL,
        principal: 'User:alice',
        host: '*',
        operation,
        permissionType: ALLOW,
      })) as Parameters<typeof admin.createAcls>[0]['creations'],
    });
    await admin.close();

    const wal = await open(topic, doors.password, alice());
    const warned: string[] = [];
    wal.events = { warning: (_, line) => warned.push(line ?? '') };
    const { warnings, recordBytesMax, deleteRetentionMs } = await eventually(
      'the permission is known',
      () => wal.connect(),
    );
    assert.deepEqual([recordBytesMax, deleteRetentionMs], [undefined, undefined]);
    assert.match(warnings.join('\n'), /may not be read/);
    const { offset } = await wal.append(requestFor(0));
    const follower = new LogFollower(await wal.read([0, 0, 0]), [0, 0, 0]);
    await follower.untilAll([{ partition: 0, offset }]);
    assert.deepEqual(await eventually('ends', () => wal.ends()), [1, 0, 0]);
    wal.publishPositions([1, 0, 0]);
    await follower.until('a warning', () => warned.length > 0);
    assert.match(warned.join(), /refuses the consumer group/);
    await follower.reader.close();
  });

  it('says why it refuses a password', async () => {
    const security = { ...alice(), saslPassword: 'wrong' };
    const wal = await open('any', doors.password, security);
    await assert.rejects(wal.connect(), isExit(1, /credentials.*Authentication failed/));
    const mechanism = { ...alice(), saslMechanism: 'SCRAM-SHA-512' } as const;
    const other = await open('any', doors.password, mechanism);
    await assert.rejects(other.connect(), isExit(1, /credentials/));
  });

  it('is not trusted with a certificate that nobody named', async () => {
    const wal = await open('any', doors.password, { ...alice(), sslCa: stranger });
    await assert.rejects(wal.connect(), isExit(1, /TLS with Kafka fails: .*SELF_SIGNED/));
  });

  it('says that it wants a client certificate', async () => {
    const wal = await open('any', doors.certificate, { protocol: 'ssl', sslCa: authority });
    await assert.rejects(wal.connect(), isExit(1, /TLS with Kafka fails: .*CERTIFICATE/));
  });

  it('refuses settings that cannot be meant', async () => {
    const brokers = doors.password;
    const { saslPassword, ...half } = alice();
    assert.ok(saslPassword);
    await assert.rejects(open('any', brokers, half), isExit(2, /KAFKA_SASL_PASSWORD/));
    const absent = { ...alice(), sslCa: '/nowhere/ca.pem' };
    await assert.rejects(open('any', brokers, absent), isExit(2, /KAFKA_SSL_CA.*ENOENT/));
  });
});
