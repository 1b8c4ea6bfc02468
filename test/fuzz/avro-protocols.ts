import { encodeBytes, encodeCount, encodeString } from '../../src/codec/avro-binary.ts';
import { encodeHandshakeRequest } from '../../src/codec/rpc-handshake.ts';
import { protocolHash, type RpcMessage, type RpcProtocol } from '../../src/codec/rpc-protocol.ts';
import { PROTOCOL } from '../helpers/rpc-socket.ts';
import type { Random } from '../simulation/scheduler.ts';
import { randomBytes } from './mutate.ts';

/** A client's protocol and how it writes the parameters of a call. */
export interface Dialect {
  readonly protocol: RpcProtocol;
  parameters(message: RpcMessage, key: Buffer, value: Buffer): Buffer;
}

type Json = Readonly<Record<string, unknown>>;

const STRING = { type: 'string', 'avro.java.string': 'String' };
const KEY = { name: 'key', type: 'string' };
const NODE = {
  type: 'record',
  name: 'Node',
  fields: [
    { name: 'n', type: 'long' },
    { name: 'next', type: ['null', 'Node'] },
  ],
};

function protocolOf(json: Json): RpcProtocol {
  const text = JSON.stringify(json);
  return { text, hash: protocolHash(text) };
}

function dialect(
  setParameters: readonly Json[],
  parameters: Dialect['parameters'],
  more: Json = {},
): Dialect {
  const messages = {
    getValue: { request: [setParameters.find(({ name }) => name === 'key')], response: STRING },
    setValue: { request: setParameters, response: 'null' },
    delete: { request: [setParameters.find(({ name }) => name === 'key')], response: 'null' },
  };
  return { protocol: protocolOf({ protocol: 'P', ...more, messages }), parameters };
}

const plain: Dialect['parameters'] = (message, key, value) =>
  Buffer.concat([encodeBytes(key), ...(message === 'setValue' ? [encodeBytes(value)] : [])]);

const swapped: Dialect['parameters'] = (message, key, value) =>
  Buffer.concat([...(message === 'setValue' ? [encodeBytes(value)] : []), encodeBytes(key)]);

const inUnion: Dialect['parameters'] = (message, key, value) =>
  Buffer.concat([Buffer.from([2]), plain(message, key, value)]);

/** `more` stands behind key and value of a setValue. */
function followed(more: Buffer): Dialect['parameters'] {
  return (message, key, value) =>
    message === 'setValue' ? Buffer.concat([plain(message, key, value), more]) : encodeBytes(key);
}

/** Two items of no bytes; a mutation makes billions of them. */
const preceded: Dialect['parameters'] = (message, key, value) =>
  Buffer.concat([
    ...(message === 'setValue' ? [encodeCount(2), encodeCount(0)] : []),
    plain(message, key, value),
  ]);

const MAP = Buffer.concat([
  encodeCount(1),
  encodeString('m'),
  encodeBytes(Buffer.alloc(3)),
  encodeCount(0),
]);
const CHAIN = Buffer.concat([Buffer.from([2, 2, 4, 2, 6, 0])]);
const VALUE = { name: 'value', type: 'string' };

/** Ours, and those of clients that know more, or other forms, of our messages. */
export const DIALECTS: readonly Dialect[] = [
  { protocol: PROTOCOL, parameters: plain },
  dialect([KEY, VALUE], plain, { doc: 'another text, the same messages' }),
  dialect([VALUE, KEY], swapped),
  dialect([{ name: 'key', type: ['null', 'string'] }, VALUE], inUnion),
  dialect([{ name: 'nulls', type: { type: 'array', items: 'null' } }, KEY, VALUE], preceded),
  dialect([KEY, VALUE, { name: 'm', type: { type: 'map', values: 'bytes' } }], followed(MAP)),
  dialect([KEY, VALUE, { name: 'list', type: NODE }], followed(CHAIN)),
  dialect([KEY, VALUE, { name: 'f', type: 'F' }], followed(Buffer.alloc(9)), {
    namespace: 'a.b',
    types: [{ type: 'fixed', name: 'a.b.F', size: 9 }],
  }),
];

/** Ours with another text each time: nobody has seen it before. */
export function newDialect(random: Random): Dialect {
  const doc = randomBytes(random, 8).toString('hex');
  return dialect([KEY, VALUE], plain, { doc });
}

const TYPE_NAMES = [
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
  'X',
  '',
];
const ODD_VALUES = [null, 0, -1, 1e300, '', '__proto__', [], {}, true, { type: {} }];

/** A protocol whose types only somebody hostile, or nobody at all, would write. */
export function oddProtocol(random: Random): RpcProtocol {
  const request = (...names: string[]) =>
    names.map((name) => (random.chance(0.9) ? { name, type: oddSchema(random, 0) } : odd(random)));
  const messages = {
    getValue: { request: [{ name: 'key', type: 'string' }, ...request('a')] },
    setValue: random.chance(0.8) ? { request: request('key', 'value', 'b') } : odd(random),
    delete: { request: request('key'), 'one-way': random.pick([true, false, null]) },
  };
  const types = Array.from({ length: random.integer(0, 3) }, () => oddSchema(random, 0));
  const nested = random.chance(0.03) ? deep(random) : '';
  const json = { protocol: 'P', namespace: random.pick(['', 'a', '.', null]), types, messages };
  const text = nested === '' ? JSON.stringify(json) : `{"types":${nested},"messages":{}}`;
  return { text, hash: protocolHash(text) };
}

function odd(random: Random): unknown {
  return random.pick(ODD_VALUES);
}

function oddSchema(random: Random, depth: number): unknown {
  const more = () => oddSchema(random, depth + 1);
  if (depth > 6 || random.chance(0.4)) return random.pick(TYPE_NAMES);
  const name = random.pick(['X', 'Y', 'a.X', '.', '', '__proto__', 'constructor', 'string']);
  switch (random.integer(0, 7)) {
    case 0:
      return { type: 'array', items: more() };
    case 1:
      return { type: 'map', values: more() };
    case 2:
      return { type: 'fixed', name, size: random.pick([0, 1, 65_536, -1, 1e9, 0.5, '8']) };
    case 3:
      return { type: 'enum', name, symbols: ['A'] };
    case 4:
      return Array.from({ length: random.integer(0, 4) }, more);
    case 5:
      return { type: random.pick(['record', 'error']), name, fields: fields(random, more) };
    case 6:
      return { type: more() };
    default:
      return odd(random);
  }
}

/** Each field may name the record that it is in. */
function fields(random: Random, more: () => unknown): unknown[] {
  return Array.from({ length: random.integer(0, 4) }, (_, i) =>
    random.chance(0.9) ? { name: `f${i}`, type: random.chance(0.5) ? 'X' : more() } : odd(random),
  );
}

/** JSON that is nested as deeply as 64 KiB allow. */
function deep(random: Random): string {
  const depth = random.pick([40, 1_000, 10_000, 32_000]);
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"a":', '}'],
  ] as const);
  const fitting = Math.min(depth, Math.floor(64_000 / (open.length + close.length)));
  return `${open.repeat(fitting)}0${close.repeat(fitting)}`;
}

/** The parts of a first message: with the client's text or by its hash alone. */
export function handshake(random: Random, { protocol }: Dialect, withText: boolean): Buffer {
  const serverHash = random.chance(0.9) ? PROTOCOL.hash : protocolHash('of another server');
  return encodeHandshakeRequest(protocol, serverHash, withText);
}
