import { createPrivateKey, KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Settings } from './settings.ts';

/** With their frames; `TRUSTED CERTIFICATE` and the like are left to the Kafka client. */
const CERTIFICATES = /-----BEGIN CERTIFICATE-----[\s\S]*?(?:-----END[ A-Z]*-----|$)/g;
const ANY_CERTIFICATE = /-----BEGIN [ A-Z0-9]*CERTIFICATE-----/;
const BEGIN = '-----BEGIN ';

/**
 * What is wrong with certificates and keys, a line each: what the Kafka client would meet only when
 * it connects, and try again for ever. Reads the files that are named.
 */
export function pemProblems(settings: Settings): readonly string[] {
  const protocol = settings.KAFKA_SECURITY_PROTOCOL;
  if (settings.STORAGE !== 'distributed' || !protocol.endsWith('ssl')) return [];
  const problems: string[] = [];
  const pemOf = (name: 'KAFKA_SSL_CA' | 'KAFKA_SSL_CERT' | 'KAFKA_SSL_KEY') => {
    const given = settings[name];
    if (given === undefined || given.includes(BEGIN)) return given;
    try {
      return readFileSync(given, 'utf8');
    } catch (error) {
      // A broken key that does not look like PEM must not be shown, nor the error that quotes it.
      const shown = name === 'KAFKA_SSL_KEY' ? 'a secret' : JSON.stringify(given);
      const why = (error as NodeJS.ErrnoException).code ?? 'no path';
      problems.push(`${name}: got ${shown}, expected PEM or a file that can be read (${why})`);
      return undefined;
    }
  };
  const [ca, cert, key] = [pemOf('KAFKA_SSL_CA'), pemOf('KAFKA_SSL_CERT'), pemOf('KAFKA_SSL_KEY')];
  const told = problems.length;

  for (const [name, pem] of [
    ['KAFKA_SSL_CA', ca],
    ['KAFKA_SSL_CERT', cert],
  ] as const) {
    const problem = pem === undefined ? undefined : certificateProblem(pem);
    if (problem !== undefined) problems.push(`${name}: ${problem}`);
  }
  const opened = key === undefined ? undefined : openKey(key, settings.KAFKA_SSL_KEY_PASSWORD);
  if (typeof opened === 'string') problems.push(opened);
  const halves = [settings.KAFKA_SSL_CERT, settings.KAFKA_SSL_KEY];
  if (halves.filter((each) => each !== undefined).length === 1) {
    const missing = halves[0] === undefined ? 'KAFKA_SSL_CERT' : 'KAFKA_SSL_KEY';
    problems.push(`${missing}: got nothing, expected certificate and key together`);
  }
  if (problems.length === told && cert !== undefined && opened instanceof KeyObject) {
    if (!isPair(cert, opened)) {
      problems.push('KAFKA_SSL_KEY: got a secret, expected the key of KAFKA_SSL_CERT');
    }
  }
  return problems;
}

function certificateProblem(pem: string): string | undefined {
  if (!ANY_CERTIFICATE.test(pem)) return 'got no certificate, expected PEM';
  const bad = (pem.match(CERTIFICATES) ?? []).findIndex((each) => !isCertificate(each));
  return bad < 0
    ? undefined
    : `got a certificate that cannot be read (the ${ordinal(bad)}), expected PEM${remedy(pem)}`;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem) instanceof X509Certificate;
  } catch {
    return false;
  }
}

/** The key, or what is wrong with it. */
function openKey(pem: string, passphrase: string | undefined): KeyObject | string {
  try {
    const locked = passphrase !== undefined && { passphrase };
    return createPrivateKey({ key: pem, format: 'pem', ...locked });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (/INTERRUPTED|MISSING_PASSPHRASE/.test(code)) {
      return 'KAFKA_SSL_KEY_PASSWORD: got nothing, expected the password of KAFKA_SSL_KEY';
    }
    if (/BAD_DECRYPT/.test(code)) {
      return 'KAFKA_SSL_KEY_PASSWORD: got a secret, expected the password of KAFKA_SSL_KEY';
    }
    return `KAFKA_SSL_KEY: got a secret that cannot be read, expected a PEM key${remedy(pem)}`;
  }
}

/** The first certificate of the text is the client's own. */
function isPair(cert: string, key: KeyObject): boolean {
  const [own] = cert.match(CERTIFICATES) ?? [];
  return own === undefined || new X509Certificate(own).checkPrivateKey(key);
}

/** Variables often come through files that cannot hold line breaks. */
function remedy(pem: string): string {
  return pem.includes('\\n') ? ' with line breaks, not \\n, between its lines' : '';
}

function ordinal(index: number): string {
  return ['first', 'second', 'third'][index] ?? `${index + 1}th`;
}
