import { ByteReader } from './byte-reader.ts';

/** A literal's length up to which it stands in the tag; beyond it so many bytes follow with the length. */
const SHORT_LITERAL_MAX = 60;

/** A copy of 64 bytes takes three: nothing grows more. */
const RATIO_MAX = 22;

/**
 * Uncompresses a block of Snappy (format_description.txt of the project): a length, then literals and
 * copies of what came before. Undefined where the bytes are no such block.
 */
export function unsnap(bytes: Buffer): Buffer | undefined {
  const read = new ByteReader(bytes);
  const length = read.varint();
  if (read.failed || length > bytes.length * RATIO_MAX) return undefined;
  const out = Buffer.allocUnsafe(length);
  let at = 0;
  while (!read.done) {
    const tag = read.fixed(1);
    const kind = tag & 3;
    if (kind === 0) {
      const short = (tag >>> 2) + 1;
      const size = short <= SHORT_LITERAL_MAX ? short : read.fixed(short - SHORT_LITERAL_MAX) + 1;
      const literal = read.bytes(size);
      if (read.failed || at + size > length) return undefined;
      literal.copy(out, at);
      at += size;
      continue;
    }
    const size = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const back = kind === 1 ? (tag >>> 5) * 256 + read.fixed(1) : read.fixed(kind === 2 ? 2 : 4);
    if (read.failed || back === 0 || back > at || at + size > length) return undefined;
    // What is copied may reach into what the copy itself has made.
    for (let i = 0; i < size; i += 1, at += 1) out[at] = out[at - back] ?? 0;
  }
  return at === length ? out : undefined;
}
