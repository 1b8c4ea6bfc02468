import { encodeCount, encodeString } from '../../src/codec/avro-binary.ts';
import { PING } from '../../src/codec/rpc-calls.ts';
import type { RpcMessage } from '../../src/codec/rpc-protocol.ts';
import type { Random } from '../simulation/scheduler.ts';
import { DIALECTS, type Dialect, handshake, newDialect } from './avro-protocols.ts';
import { randomBytes } from './mutate.ts';

/** One message on its way: a serial and what it carries. */
export interface Frame {
  readonly serial: number;
  readonly payload: Buffer;
}

/** What one well-behaved client sends. */
export interface Conversation {
  readonly dialect: Dialect;
  readonly frames: readonly Frame[];
  /** How many frames from the first belong to the handshake. */
  readonly handshakes: number;
}

const MESSAGES: readonly RpcMessage[] = ['getValue', 'getValue', 'setValue', 'setValue', 'delete'];
const OUR_KEYS = 63;
const KEYS = [
  'a',
  '',
  'k'.repeat(8_192),
  'k'.repeat(8_193),
  '__proto__',
  'constructor',
  '\u0000',
  'ñ',
  '😀',
  ' ',
];
const VALUE_BYTES_MAX = 300;
const LARGE_VALUE_BYTES = [1_048_576, 1_048_577];
const LARGE_SHARE = 0.000_2;
const FIRST_SERIALS = [0, 1, -1, 2_147_483_600, -2_147_483_648];
const CALLS_MAX = 38;

export function generateConversation(random: Random): Conversation {
  const dialect = pickDialect(random);
  const first = random.pick(FIRST_SERIALS);
  const known = dialect === DIALECTS[0];
  // A client that nobody has heard of may try with its hash alone, is told NONE, and says more.
  const asked = !known && random.chance(0.2);
  const opening = [
    ...(asked ? [handshake(random, dialect, false)] : []),
    handshake(random, dialect, !known || random.chance(0.2)),
  ];
  const payloads = Array.from({ length: random.integer(1, CALLS_MAX) }, () =>
    generateCall(random, dialect),
  );
  const [firstCall = PING, ...others] = payloads;
  const whole = opening.map((shake) => Buffer.concat([shake, firstCall]));
  const frames = [...whole, ...others].map((payload, i) => ({ serial: (first + i) | 0, payload }));
  return { dialect, frames, handshakes: opening.length };
}

function pickDialect(random: Random): Dialect {
  if (random.chance(0.5)) return DIALECTS[0] as Dialect;
  return random.chance(0.3) ? newDialect(random) : random.pick(DIALECTS);
}

export function generateCall(random: Random, dialect: Dialect): Buffer {
  if (random.chance(0.03)) return PING;
  const message = random.pick(MESSAGES);
  return Buffer.concat([
    random.chance(0.95) ? encodeCount(0) : meta(random),
    encodeString(message),
    dialect.parameters(message, generateKey(random), generateValue(random)),
  ]);
}

function generateKey(random: Random): Buffer {
  return Buffer.from(
    random.chance(0.95) ? `f${random.integer(0, OUR_KEYS)}` : random.pick(KEYS),
    'utf8',
  );
}

function generateValue(random: Random): Buffer {
  if (random.chance(LARGE_SHARE)) return Buffer.alloc(random.pick(LARGE_VALUE_BYTES), 0x61);
  const length = random.integer(0, random.chance(0.9) ? 20 : VALUE_BYTES_MAX);
  return Buffer.from(randomBytes(random, length).toString('latin1'), 'utf8');
}

/** Metadata of one or two blocks, the second with its size before it. */
function meta(random: Random): Buffer {
  const item = Buffer.concat([encodeString('m'), encodeString('x'.repeat(random.integer(0, 9)))]);
  const sized = [Buffer.from([1]), encodeCount(item.length), item];
  return Buffer.concat([
    ...[encodeCount(1), item, ...(random.chance(0.5) ? sized : [])],
    encodeCount(0),
  ]);
}

/** A frame's bytes, its payload in as many parts as it may be cut into. */
export function frameBytes(random: Random, { serial, payload }: Frame): Buffer {
  const count = random.chance(0.9) ? 1 : random.integer(1, random.chance(0.9) ? 5 : 600);
  const cuts = Array.from({ length: count - 1 }, () => random.integer(0, payload.length));
  cuts.sort((a, b) => a - b);
  const head = Buffer.alloc(8);
  head.writeInt32BE(serial, 0);
  head.writeInt32BE(count, 4);
  const parts = [0, ...cuts].flatMap((from, i) => {
    const part = payload.subarray(from, cuts[i] ?? payload.length);
    const length = Buffer.alloc(4);
    length.writeInt32BE(part.length, 0);
    return [length, part];
  });
  return Buffer.concat([head, ...parts]);
}
