import type { Entry } from '../../../src/entry.ts';
import type { PeerAnswer } from '../../../src/peers/peer-transport.ts';

export const LOG = 'cluster/topic';

export function live(offset: number, value = `v${offset}`, timestamp = 1_000 + offset): Entry {
  return { kind: 'live', offset, timestamp, value: Buffer.from(value) };
}

export function marker(offset: number): Entry {
  return { kind: 'marker', offset, timestamp: 1_000 + offset, value: Buffer.alloc(0) };
}

export function unreadable(offset: number): Entry {
  return { kind: 'unreadable', offset, timestamp: 1_000 + offset, value: Buffer.from('why') };
}

/** An answer of our log that is not fresh, unless said otherwise. */
export function answer(
  position: number,
  entry: Entry | undefined,
  more: Partial<PeerAnswer> = {},
): PeerAnswer {
  return { log: LOG, position, final: false, entry, ...more };
}

/** What a node of the original's kind says. */
export function javaAnswer(value: string | undefined, timestamp = 0): PeerAnswer {
  const entry = value === undefined ? undefined : live(-1, value, timestamp);
  return { log: undefined, position: undefined, final: false, entry };
}
