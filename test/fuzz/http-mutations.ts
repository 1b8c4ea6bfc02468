import type { Random } from '../simulation/scheduler.ts';
import { ENDS, inChunks, NUMBERS, oddHeader, parameters, target } from './http-grammar.ts';

const ENCODINGS = [
  '%',
  '%%',
  '%0',
  '%zz',
  '%00',
  '%0d%0a',
  '%c0%80',
  '%ed%a0%80',
  '%ff',
  '%u20ac',
  '+',
];
const NOT_UTF8 = ['\x80', '\xff\xfe', '\xc3', '\xf8\x88\x80\x80\x80', '\xed\xa0\x80'];

/** One character per byte, head and body apart. */
interface Parts {
  lines: string[];
  body: string;
}

type Damage = (random: Random, parts: Parts) => void;

const repeatHeader: Damage = (random, { lines }) => {
  const line = lines[random.integer(1, Math.max(1, lines.length - 1))] ?? 'Host: x';
  const copies = random.chance(0.95) ? random.integer(1, 3) : random.integer(100, 2_000);
  lines.splice(random.integer(1, lines.length), 0, ...Array<string>(copies).fill(line));
};

const changeNumber: Damage = (random, { lines }) => {
  const at = random.integer(0, lines.length - 1);
  const numbers = [...(lines[at] ?? '').matchAll(/\d+/g)];
  if (numbers.length === 0) return;
  const { index, 0: text } = random.pick(numbers);
  const number = random.chance(0.3)
    ? `${Number(text) + random.pick([-1, 1, 256])}`
    : random.pick(NUMBERS);
  lines[at] = `${lines[at]?.slice(0, index)}${number}${lines[at]?.slice(index + text.length)}`;
};

const changeLength: Damage = (random, parts) => {
  parts.lines = parts.lines.filter((line) => !/^content-length/i.test(line));
  const length = random.chance(0.4)
    ? `${Math.max(0, parts.body.length + random.pick([-1, 1, 2, 1_000]))}`
    : random.pick(NUMBERS);
  parts.lines.push(`Content-Length: ${length}`);
};

const makeChunked: Damage = (random, parts) => {
  if (random.chance(0.9))
    parts.lines = parts.lines.filter((line) => !/^content-length/i.test(line));
  parts.lines.push('Transfer-Encoding: chunked');
  parts.body = inChunks(random, Buffer.from(parts.body || 'value', 'latin1')).toString('latin1');
};

const addHeader: Damage = (random, { lines }) => {
  lines.splice(random.integer(1, lines.length), 0, oddHeader(random));
};

const removeLine: Damage = (random, { lines }) => {
  lines.splice(random.integer(0, lines.length - 1), 1);
};

const damageEncoding: Damage = (random, { lines }) => {
  const line = lines[0] ?? '';
  const at = random.integer(Math.min(4, line.length), line.length);
  const odd = random.pick(random.chance(0.8) ? ENCODINGS : NOT_UTF8);
  lines[0] = `${line.slice(0, at)}${odd}${line.slice(at)}`;
};

const changeTarget: Damage = (random, { lines }) => {
  const [method, , version] = (lines[0] ?? '').split(' ');
  lines[0] = `${method} ${target(random)} ${version}`;
};

const changeQuery: Damage = (random, { lines }) => {
  lines[0] = (lines[0] ?? '').replace(/\?[^ ]*/, () => `?${parameters(random)}`);
};

const grow: Damage = (random, parts) => {
  const line = random.integer(0, parts.lines.length - 1);
  const text = parts.lines[line] ?? '';
  const at = random.integer(0, text.length);
  const length = random.chance(0.8) ? random.integer(1, 9_000) : random.integer(30_000, 70_000);
  parts.lines[line] = `${text.slice(0, at)}${random
    .pick(['a', '%41', '\xff', ' ', '&', '/'])
    .repeat(length)
    .slice(0, length)}${text.slice(at)}`;
};

const DAMAGES: readonly Damage[] = [
  ...[repeatHeader, changeNumber, changeLength, makeChunked, addHeader, addHeader, removeLine],
  ...[damageEncoding, damageEncoding, changeTarget, changeQuery],
];

/** A valid request with one to three things wrong that only HTTP has. */
export function damageRequest(random: Random, request: Buffer): Buffer {
  const text = request.toString('latin1');
  const mark = text.indexOf('\r\n\r\n');
  const head = mark < 0 ? text : text.slice(0, mark);
  const parts: Parts = { lines: head.split('\r\n'), body: mark < 0 ? '' : text.slice(mark + 4) };
  for (let left = random.integer(1, 3); left > 0 && parts.lines.length > 0; left--) {
    (random.chance(0.01) ? grow : random.pick(DAMAGES))(random, parts);
  }
  const end = random.chance(0.95) ? '\r\n' : random.pick(ENDS);
  return Buffer.from(`${parts.lines.join(end)}${end}${end}${parts.body}`, 'latin1');
}
