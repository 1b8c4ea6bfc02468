import { hash } from 'node:crypto';
import type { LogRecord } from '../record.ts';

const LENGTH_BYTES = 4;
const HASH_DIGITS = 16;

/** A record that was applied, so that the log can be asked later whether it is still the same. */
export interface Anchor {
  readonly offset: number;
  readonly timestamp: number;
  /** 64 bits of SHA-256 over key, value and headers, hex. */
  readonly hash: string;
}

export function anchorOf({ offset, timestamp, key, value, headers }: LogRecord): Anchor {
  const parts = [key, value];
  for (const header of headers) parts.push(Buffer.from(header.name), header.value);
  return {
    offset,
    timestamp,
    hash: hash('sha256', withLengths(parts), 'hex').slice(0, HASH_DIGITS),
  };
}

/** Each with its length before it, so that no two records run into the same bytes; -1 is null. */
function withLengths(parts: readonly (Buffer | null)[]): Buffer {
  let length = 0;
  for (const part of parts) length += LENGTH_BYTES + (part?.length ?? 0);
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const part of parts) {
    at = bytes.writeInt32BE(part?.length ?? -1, at);
    if (part !== null) bytes.set(part, at);
    at += part?.length ?? 0;
  }
  return bytes;
}

/**
 * The anchors with a newer one added: the newest, and of the older ones the oldest at each doubling
 * of the distance to it. Some 50 at the most.
 */
export function withAnchor(anchors: readonly Anchor[], newest: Anchor): readonly Anchor[] {
  const kept: Anchor[] = [newest];
  let distanceKept = -1;
  for (const anchor of anchors) {
    if (anchor.offset >= newest.offset) continue;
    const distance = Math.floor(Math.log2(newest.offset - anchor.offset));
    if (distance === distanceKept) kept.pop();
    kept.push(anchor);
    distanceKept = distance;
  }
  return kept;
}
