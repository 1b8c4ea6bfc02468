import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { rootCertificates } from 'node:tls';
import { pemProblems } from '../../../src/settings/pem-problems.ts';
import { BadSettingsError, parseSettings } from '../../../src/settings/settings.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.ts';

const PASSWORD = 'not-a-secret';
const [CERTIFICATE = ''] = rootCertificates;
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const KEY = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
const LOCKED = privateKey.export({
  format: 'pem',
  type: 'pkcs8',
  cipher: 'aes-256-cbc',
  passphrase: PASSWORD,
}) as string;
const DISTRIBUTED = { STORAGE: 'distributed', KAFKA_SECURITY_PROTOCOL: 'ssl' };

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    parseSettings({ ...DISTRIBUTED, ...environment }, [], pemProblems);
  } catch (error) {
    assert.ok(error instanceof BadSettingsError);
    return error.problems;
  }
  return [];
}

/** A certificate of the key above, signed by itself. */
function ownCertificate(): string {
  const tlv = (tag: number, ...parts: Buffer[]) => {
    const body = Buffer.concat(parts);
    const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 255];
    return Buffer.concat([Buffer.from([tag, ...length]), body]);
  };
  const sequence = (...parts: Buffer[]) => tlv(0x30, ...parts);
  const ecdsaWithSha256 = sequence(tlv(0x06, Buffer.from('2a8648ce3d040302', 'hex')));
  const time = (text: string) => tlv(0x17, Buffer.from(text));
  const content = sequence(
    tlv(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    sequence(),
    sequence(time('200101000000Z'), time('490101000000Z')),
    sequence(),
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', content, privateKey)]);
  const der = sequence(content, ecdsaWithSha256, tlv(0x03, signature));
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

describe('certificates and keys among the settings', () => {
  let folder: TemporaryDirectory;
  before(async () => {
    folder = await temporaryDirectory('pem');
  });
  after(() => folder.remove());

  it('are told of together, with every other bad setting', () => {
    const problems = problemsOf({
      API_PORT: 'x',
      KAFKA_SSL_CA: '/nowhere/ca.pem',
      KAFKA_SSL_CERT: folder.path,
      KAFKA_SSL_KEY: '/nowhere/key.pem',
    });
    const found = problems.map((each) => each.replace(/: .*\((\w+)\)$/, ' $1'));
    assert.deepEqual(found.slice(1), [
      'KAFKA_SSL_CA ENOENT',
      'KAFKA_SSL_CERT EISDIR',
      'KAFKA_SSL_KEY ENOENT',
    ]);
    assert.match(problems[0] ?? '', /^API_PORT/);
    assert.ok(problems[1]?.includes('/nowhere/ca.pem'));
    assert.ok(!problems[3]?.includes('nowhere'));
  });

  it('are fine as text and as files, and are not looked at where none is used', () => {
    const file = join(folder.path, 'ca.pem');
    writeFileSync(file, rootCertificates.slice(0, 3).join('\n'));
    assert.deepEqual(problemsOf({ KAFKA_SSL_CA: file }), []);
    assert.deepEqual(problemsOf({ KAFKA_SSL_CA: `some words\n${CERTIFICATE}\n` }), []);
    const absent = { KAFKA_SSL_CA: '/nowhere/ca.pem' };
    assert.deepEqual(problemsOf({ ...absent, KAFKA_SECURITY_PROTOCOL: 'plaintext' }), []);
    assert.deepEqual(problemsOf({ ...absent, STORAGE: 'standalone' }), []);
  });

  it('are refused where they cannot be read', () => {
    const cut = CERTIFICATE.slice(0, -200);
    for (const pem of [cut, CERTIFICATE.replaceAll('\n', '\\n'), `${CERTIFICATE}\n${cut}`]) {
      assert.match(problemsOf({ KAFKA_SSL_CA: pem }).join(), /^KAFKA_SSL_CA: [^\n]*expected PEM/);
    }
    const escaped = { KAFKA_SSL_CA: CERTIFICATE.replaceAll('\n', '\\n') };
    assert.match(problemsOf(escaped).join(), /line breaks, not \\n/);
    assert.match(problemsOf({ KAFKA_SSL_CA: KEY }).join(), /^KAFKA_SSL_CA: got no certificate/);
    const file = join(folder.path, 'empty.pem');
    writeFileSync(file, '');
    assert.match(problemsOf({ KAFKA_SSL_CA: file }).join(), /^KAFKA_SSL_CA: got no certificate/);
  });

  it('belong together, and the key to its password', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const stranger = other.export({ format: 'pem', type: 'pkcs8' }) as string;
    const strange = { KAFKA_SSL_CERT: ownCertificate(), KAFKA_SSL_KEY: stranger };
    assert.match(problemsOf(strange).join(), /^KAFKA_SSL_KEY: got a secret, .*KAFKA_SSL_CERT/);
    const pair = { KAFKA_SSL_CERT: CERTIFICATE, KAFKA_SSL_KEY: KEY };
    assert.match(problemsOf(pair).join(), /^KAFKA_SSL_KEY: got a secret, .*KAFKA_SSL_CERT/);
    assert.match(problemsOf({ KAFKA_SSL_CERT: CERTIFICATE }).join(), /^KAFKA_SSL_KEY: got nothing/);
    assert.match(problemsOf({ KAFKA_SSL_KEY: KEY }).join(), /^KAFKA_SSL_CERT: got nothing/);
    const locked = { KAFKA_SSL_CERT: CERTIFICATE, KAFKA_SSL_KEY: LOCKED };
    assert.match(problemsOf(locked).join(), /^KAFKA_SSL_KEY_PASSWORD: got nothing/);
    const wrong = problemsOf({ ...locked, KAFKA_SSL_KEY_PASSWORD: 'wrong-word' }).join();
    assert.match(wrong, /^KAFKA_SSL_KEY_PASSWORD: got a secret/);
    assert.ok(!wrong.includes('wrong-word'));
    const broken = { ...pair, KAFKA_SSL_KEY: KEY.replace(/\n[^-]+\n/, '\nMIGHAgEA\n') };
    assert.match(problemsOf(broken).join(), /^KAFKA_SSL_KEY: got a secret that cannot be read/);
  });

  it('are fine where certificate, key and password fit', () => {
    const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')];
    writeFileSync(key, LOCKED);
    writeFileSync(cert, ownCertificate());
    const fitting = { KAFKA_SSL_CERT: cert, KAFKA_SSL_KEY: key, KAFKA_SSL_KEY_PASSWORD: PASSWORD };
    assert.deepEqual(problemsOf({ ...fitting, KAFKA_SSL_CA: cert }), []);
  });
});
