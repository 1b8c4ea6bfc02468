import type { StorageOp } from '../../../src/storage/storage.ts';

/** Batches whose number stands in every key they write and in a counter: torn ones show. */
export const COUNTER = Buffer.from('counter');
export const GROUPS = 50;
export const KEYS_PER_BATCH = 20;

export const keyOf = (group: number, i: number): Buffer => Buffer.from(`k-${group}-${i}`);

export const countIn = (value: Buffer | undefined): number => Number(String(value ?? '0'));

export function batchOf(n: number): StorageOp[] {
  const value = Buffer.from(String(n));
  const keys = Array.from({ length: KEYS_PER_BATCH }, (_, i) => keyOf(n % GROUPS, i));
  return [...keys, COUNTER].map((key) => ({ type: 'put', key, value }));
}
