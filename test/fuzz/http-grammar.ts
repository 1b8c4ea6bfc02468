import { METHODS } from 'node:http';
import type { Random } from '../simulation/scheduler.ts';
import { randomBytes } from './mutate.ts';

const PATHS = [
  '/rpc',
  '/rpc',
  '/rpc',
  '/rpc/cluster',
  '/health',
  '/status',
  '/',
  '*',
  '/rpc/',
  '//',
];
const AUTHORITIES = [
  'x',
  '',
  '[',
  '[::1',
  '[::1]',
  'a@b',
  'x:99999',
  'x:y',
  '%',
  'x%00',
  '..',
  '@:',
];
const SCHEMES = [
  'http://',
  'https://',
  'HTTP://',
  'ftp://',
  'http:',
  'http:/',
  'x://',
  '://',
  'data:',
];
const TEXTS = [
  ...['a', 'one', 'gone', '', '__proto__', 'constructor', 'toString', 'k'.repeat(8_192)],
  ...[
    'k'.repeat(8_193),
    '%00',
    '%',
    '%f',
    '%zz',
    '%u0041',
    '%c0%80',
    '%ed%a0%80',
    '%ff',
    '%F0%9F%98%80',
  ],
  ...[
    'a+b',
    'a%2Bb',
    '%26',
    '%3d',
    '\x80',
    '\xc3\xa9',
    '\xff',
    '%25%25',
    'a=b',
    'a?b',
    'a#b',
    '"<>`',
  ],
];
export const NUMBERS = [
  ...['0', '1', '-1', '+1', '00', '0x10', '1e9', '1.5', '', ' ', '4294967296', '2147483648'],
  ...['9007199254740992', '18446744073709551616', '99999999999999999999', 'NaN', 'Infinity', '1,1'],
];
const VERSIONS = [
  '0:0',
  '0:1',
  '5:3',
  '12:0',
  '0:9007199254740991',
  '0:99999999999999999',
  '999999999:1',
];
const NAMES = ['key', 'key', 'value', 'after', 'k%65y', 'KEY', '', '%zz', 'key[]', '__proto__'];
const HTTP = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'http/1.1',
  '',
];
export const ENDS = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n', '\n\r'];

/** A request from a grammar that knows more than valid ones. */
export function generateRequest(random: Random): Buffer {
  const end = random.chance(0.95) ? '\r\n' : random.pick(ENDS);
  const body = generateBody(random);
  const lines = [
    `${method(random)} ${target(random)} ${random.chance(0.9) ? 'HTTP/1.1' : random.pick(HTTP)}`,
    ...(random.chance(0.95) ? ['Host: x'] : []),
    ...Array.from({ length: random.integer(0, 3) }, () => oddHeader(random)),
    ...body.headers,
  ];
  return Buffer.concat([Buffer.from(`${lines.join(end)}${end}${end}`, 'latin1'), body.bytes]);
}

function method(random: Random): string {
  if (random.chance(0.7)) return random.pick(['GET', 'GET', 'POST', 'POST', 'HEAD', 'DELETE']);
  return random.chance(0.9)
    ? random.pick(METHODS)
    : random.pick(['BREW', 'get', 'G', '', 'GET\t', 'x'.repeat(40), '\x80', 'PRI']);
}

export function target(random: Random): string {
  const path = random.chance(0.9) ? random.pick(PATHS) : `/${random.pick(TEXTS)}`;
  const query = random.chance(0.85) ? `?${parameters(random)}` : '';
  if (random.chance(0.9)) return `${path}${query}`;
  const scheme = random.chance(0.5) ? 'http://' : random.pick(SCHEMES);
  return `${scheme}${random.pick(AUTHORITIES)}${random.chance(0.8) ? path : ''}${query}`;
}

export function parameters(random: Random): string {
  const pairs = [`key=${random.chance(0.5) ? `f${random.integer(0, 63)}` : random.pick(TEXTS)}`];
  if (random.chance(0.4)) pairs.push(`value=${random.pick(TEXTS)}`);
  if (random.chance(0.15)) pairs.push(`after=${oddVersion(random)}`);
  if (random.chance(0.15)) pairs.push(`${random.pick(NAMES)}=${random.pick(TEXTS)}`);
  if (random.chance(0.05)) pairs.push(random.pick(NAMES), '&&', '=');
  return pairs.join('&');
}

function oddVersion(random: Random): string {
  return random.chance(0.6)
    ? random.pick(VERSIONS)
    : `${random.pick(NUMBERS)}:${random.pick(NUMBERS)}`;
}

/** A header that means something to somebody. */
export function oddHeader(random: Random): string {
  switch (random.integer(0, 11)) {
    case 0:
      return `Content-Length: ${random.pick(NUMBERS)}`;
    case 1:
      return `Transfer-Encoding: ${random.pick(['chunked', 'Chunked', 'gzip, chunked', 'chunked, chunked', 'identity', 'x', ''])}`;
    case 2:
      return `Expect: ${random.pick(['100-continue', '100-Continue', 'x', '', '100-continue, x'])}`;
    case 3:
      return `Connection: ${random.pick(['close', 'keep-alive', 'upgrade', 'close, keep-alive', 'host', ''])}`;
    case 4:
      return `Upgrade: ${random.pick(['websocket', 'h2c', 'TLS/1.0', ''])}`;
    case 5:
      return `Origin: ${random.pick(['null', 'http://x', '', 'file://', '\xff'])}`;
    case 6:
      return `Bitacora-After: ${oddVersion(random)}`;
    case 7:
      return `Content-Type: ${random.pick(['application/x-www-form-urlencoded', 'application/json', ';', 'a/b;charset=utf-16', 'application/octet-stream'])}`;
    case 8:
      return `Host: ${random.pick(AUTHORITIES)}`;
    case 9:
      return `Access-Control-Request-Method: ${random.pick(['PUT', ''])}`;
    case 10:
      return `${random.pick(['X', 'x y', 'X:', ':', '', '\x00', '__proto__', 'constructor'])}: ${random.pick(TEXTS)}`;
    default:
      return random.pick([
        ' folded',
        '\tfolded',
        'no colon',
        'X : y',
        'Te: trailers',
        'Trailer: Host',
        'Accept-Encoding: gzip',
        'Range: bytes=0-1',
        'If-None-Match: *',
      ]);
  }
}

interface Body {
  readonly headers: readonly string[];
  readonly bytes: Buffer;
}

function generateBody(random: Random): Body {
  if (random.chance(0.5)) return { headers: [], bytes: Buffer.alloc(0) };
  const large = random.chance(0.002) ? 1_048_577 : 300;
  const bytes = random.chance(0.3)
    ? Buffer.from(parameters(random), 'latin1')
    : randomBytes(random, random.integer(0, large === 300 ? 300 : 64));
  const whole = large === 300 ? bytes : Buffer.alloc(random.integer(large - 2, large), 0x61);
  const type = random.chance(0.4) ? ['Content-Type: application/x-www-form-urlencoded'] : [];
  if (random.chance(0.5)) {
    return { headers: [...type, 'Transfer-Encoding: chunked'], bytes: inChunks(random, whole) };
  }
  const length = random.chance(0.9) ? `${whole.length}` : random.pick(NUMBERS);
  return { headers: [...type, `Content-Length: ${length}`], bytes: whole };
}

/** Chunked coding, some of it odd. */
export function inChunks(random: Random, body: Buffer): Buffer {
  const parts: Buffer[] = [];
  const end = random.chance(0.95) ? '\r\n' : random.pick(ENDS);
  for (let at = 0; at < body.length; ) {
    const size = Math.min(body.length - at, random.integer(1, Math.max(8, body.length)));
    const hex = size.toString(16);
    const written = random.chance(0.95)
      ? hex
      : random.pick([
          `0${hex}`,
          `0x${hex}`,
          `-${hex}`,
          ` ${hex}`,
          'ffffffffffffffff',
          '7fffffffffffffff',
          '10000000000000000',
          'g',
          '',
        ]);
    const extension = random.chance(0.9)
      ? ''
      : random.pick([
          ';a',
          ';a=b',
          ';a="b\\""',
          `;${'x'.repeat(200)}`,
          ';a=\n',
          `;${'y'.repeat(20_000)}`,
        ]);
    parts.push(Buffer.from(`${written}${extension}${end}`, 'latin1'));
    parts.push(body.subarray(at, at + size), Buffer.from(end));
    at += size;
  }
  if (random.chance(0.95)) parts.push(Buffer.from('0\r\n'));
  if (random.chance(0.1)) parts.push(Buffer.from(`${oddHeader(random)}\r\n`, 'latin1'));
  if (random.chance(0.95)) parts.push(Buffer.from('\r\n'));
  return Buffer.concat(parts);
}
