import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../atomic-file.ts';
import type { StorageOp } from '../storage.ts';
import { corrupt, readWhole } from './read-whole.ts';
import type { Manifest } from './rocks-manifest.ts';
import { readRecords, recordBeginsAfter } from './rocks-record-file.ts';

/**
 * What to do with a write-ahead log that is damaged before its end. `cut`: keep what is before, a
 * prefix of all batches, for whoever can get the rest again. `refuse`: what is after was synced.
 */
export type DamagedLog = 'cut' | 'refuse';

interface LogFile {
  readonly path: string;
  readonly bytes: Buffer;
}

interface Cut {
  readonly log: LogFile;
  readonly end: number;
}

/** sequence(8) count(4) */
const BATCH_HEADER_BYTES = 12;

/**
 * Follows the batches' numbers over all write-ahead logs: between the first and the last none may be
 * missing. Cuts off what is torn. @returns what was cut. @throws StorageError `corrupt`
 */
export async function checkLogs(
  directory: string,
  { logNumber, covered }: Manifest,
  damaged: DamagedLog,
): Promise<string | undefined> {
  const cuts: Cut[] = [];
  let next: number | undefined;
  const paths = await logPaths(directory, logNumber);
  for (const [i, path] of paths.entries()) {
    const log = { path, bytes: await readWhole(path) };
    const { records, end, goesOn } = readRecords(log.bytes);
    for (const { bytes, from } of records) {
      const { sequence, count } = batchHeader(bytes);
      const follows = next === undefined ? sequence <= covered + 1 : sequence === next;
      if (!follows) {
        if (cuts.length > 0 && damaged === 'cut') return cutOff(directory, cuts, paths.slice(i));
        throw corrupt(`batches are missing before byte ${from} of ${path}`);
      }
      next = sequence + count;
    }
    if (!goesOn) continue;
    if (damaged === 'refuse' && recordBeginsAfter(log.bytes, end, isAfter(next ?? covered + 1))) {
      throw corrupt(`${path} is damaged at byte ${end}, with batches after it`);
    }
    cuts.push({ log, end });
  }
  return cutOff(directory, cuts, []);
}

/**
 * Takes a batch that has failed off the end of the log: whole or in part, the engine may have written
 * it, when it failed or when it was closed. `former`: the last one that succeeded.
 */
export async function takeBack(
  directory: string,
  failed: readonly StorageOp[],
  former: readonly StorageOp[],
): Promise<void> {
  const path = (await logPaths(directory, 0)).at(-1);
  if (path === undefined) return;
  const { records, end, goesOn } = readRecords(await readWhole(path));
  const newest = records.at(-1);
  const batch = batchOf(failed);
  const isThere = newest?.bytes.subarray(BATCH_HEADER_BYTES).equals(batch) === true;
  // Where the same was written before, it is as if the failed one had been taken back.
  if (newest !== undefined && isThere && !batch.equals(batchOf(former))) {
    await cut(path, newest.from);
  } else if (goesOn) await cut(path, end);
}

async function cutOff(
  directory: string,
  cuts: readonly Cut[],
  unreachable: readonly string[],
): Promise<string | undefined> {
  if (cuts.length === 0) return undefined;
  for (const { log, end } of cuts) await cut(log.path, end);
  for (const path of unreachable) await rm(path);
  await syncDirectory(directory);
  const parts = cuts.map(({ log, end }) => `${log.bytes.length - end} bytes of ${log.path}`);
  return [...parts, ...unreachable].join(', ');
}

/** In the order in which they were written. */
async function logPaths(directory: string, from: number): Promise<string[]> {
  return (await readdir(directory))
    .filter((name) => /^\d+\.log$/.test(name) && Number.parseInt(name, 10) >= from)
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((name) => join(directory, name));
}

function isAfter(next: number): (bytes: Buffer) => boolean {
  return (bytes) => bytes.length >= BATCH_HEADER_BYTES && batchHeader(bytes).sequence >= next;
}

function batchHeader(bytes: Buffer): { sequence: number; count: number } {
  if (bytes.length < BATCH_HEADER_BYTES) throw corrupt('a batch is too short');
  return { sequence: Number(bytes.readBigUInt64LE(0)), count: bytes.readUInt32LE(8) };
}

/** The operations of a batch as they lie in a log. */
function batchOf(ops: readonly StorageOp[]): Buffer {
  const parts: Buffer[] = [];
  for (const op of ops) {
    const isPut = op.type === 'put';
    parts.push(Buffer.of(isPut ? 1 : 0), varint(op.key.length), op.key);
    if (isPut) parts.push(varint(op.value.length), op.value);
  }
  return Buffer.concat(parts);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  bytes.push(left);
  return Buffer.from(bytes);
}

async function cut(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.truncate(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
