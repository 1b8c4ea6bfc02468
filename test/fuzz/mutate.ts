import type { Random } from '../simulation/scheduler.ts';

const BYTES = [0x00, 0x01, 0x0a, 0x0d, 0x20, 0x25, 0x2f, 0x3a, 0x7f, 0x80, 0xc0, 0xed, 0xfe, 0xff];
/** Nothing that one mutation adds is longer. */
const REPEATED_MAX = 256;

type Mutation = (random: Random, bytes: Buffer, other: Buffer) => Buffer;

const flipBit: Mutation = (random, bytes) => {
  const copy = Buffer.from(bytes);
  const at = random.integer(0, copy.length - 1);
  copy[at] = (copy[at] ?? 0) ^ (1 << random.integer(0, 7));
  return copy;
};

const setByte: Mutation = (random, bytes) => {
  const copy = Buffer.from(bytes);
  copy[random.integer(0, copy.length - 1)] = random.chance(0.5)
    ? random.pick(BYTES)
    : random.integer(0, 255);
  return copy;
};

const insert: Mutation = (random, bytes) => {
  const at = random.integer(0, bytes.length);
  const added = randomBytes(random, random.integer(1, 8));
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)]);
};

const remove: Mutation = (random, bytes) => {
  const [from, to] = range(random, bytes);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
};

const repeat: Mutation = (random, bytes) => {
  const [from, to] = range(random, bytes);
  const part = bytes.subarray(from, Math.min(to, from + REPEATED_MAX));
  return Buffer.concat([bytes.subarray(0, to), part, part, bytes.subarray(to)]);
};

const truncate: Mutation = (random, bytes) => bytes.subarray(0, random.integer(0, bytes.length));

const splice: Mutation = (random, bytes, other) =>
  Buffer.concat([
    bytes.subarray(0, random.integer(0, bytes.length)),
    other.subarray(random.integer(0, other.length)),
  ]);

const swap: Mutation = (random, bytes) => {
  const [a, b] = range(random, bytes);
  const c = random.integer(b, bytes.length);
  return Buffer.concat([
    bytes.subarray(0, a),
    bytes.subarray(b, c),
    bytes.subarray(a, b),
    bytes.subarray(c),
  ]);
};

const MUTATIONS = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  insert,
  remove,
  repeat,
  truncate,
  splice,
  swap,
];

/** One to four small damages; `other` is a second valid one, for splicing. */
export function mutateBytes(random: Random, bytes: Buffer, other: Buffer): Buffer {
  let changed = bytes;
  for (let left = random.integer(1, 4); left > 0 && changed.length > 0; left--) {
    changed = random.pick(MUTATIONS)(random, changed, other);
  }
  return changed;
}

export function randomBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at++) {
    bytes[at] = random.chance(0.2) ? random.pick(BYTES) : random.integer(0, 255);
  }
  return bytes;
}

function range(random: Random, bytes: Buffer): [number, number] {
  const from = random.integer(0, bytes.length);
  const to = Math.min(
    bytes.length,
    from + random.integer(0, random.chance(0.8) ? 8 : bytes.length),
  );
  return [from, to];
}
