import { createHash } from 'node:crypto';
import type { LogRecord } from '../record.ts';

/** A record that was applied, so that the log can be asked later whether it is still the same. */
export interface Anchor {
  readonly offset: number;
  readonly timestamp: number;
  /** 64 bits of SHA-256 over key, value and headers, hex. */
  readonly hash: string;
}

export function anchorOf(record: LogRecord): Anchor {
  const hash = createHash('sha256');
  for (const part of [record.key, record.value]) addPart(hash, part);
  for (const header of record.headers) {
    addPart(hash, Buffer.from(header.name));
    addPart(hash, header.value);
  }
  return {
    offset: record.offset,
    timestamp: record.timestamp,
    hash: hash.digest('hex').slice(0, 16),
  };
}

/** Length first, so that no two records run into the same bytes; -1 is null. */
function addPart(hash: ReturnType<typeof createHash>, part: Buffer | null): void {
  const length = Buffer.allocUnsafe(4);
  length.writeInt32BE(part === null ? -1 : part.length);
  hash.update(length);
  if (part !== null) hash.update(part);
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
