import { isUtf8 } from 'node:buffer';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Entry } from '../entry.ts';
import { syncDirectory } from './atomic-file.ts';

/**
 * Writes entries as NDJSON, so that an operator can put them back: on stable storage once resolved.
 * Undefined, and no file, where there are none.
 */
export async function saveEntries(
  path: string,
  partition: number,
  entries: AsyncIterable<{ readonly key: string; readonly entry: Entry }>,
): Promise<string | undefined> {
  const temporary = `${path}.tmp`;
  let file: Awaited<ReturnType<typeof open>> | undefined;
  try {
    for await (const { key, entry } of entries) {
      file ??= await open(temporary, 'w');
      await file.write(`${JSON.stringify(lineOf(key, partition, entry))}\n`);
    }
    await file?.sync();
  } finally {
    await file?.close();
  }
  if (file === undefined) return undefined;
  await rename(temporary, path);
  await syncDirectory(dirname(path));
  return path;
}

function lineOf(key: string, partition: number, entry: Entry) {
  const { kind, offset, timestamp, value } = entry;
  const facts = { key, partition, offset, kind, timestamp };
  if (kind === 'marker') return facts;
  if (isUtf8(value)) return { ...facts, value: value.toString() };
  return { ...facts, value: value.toString('base64'), encoding: 'base64' };
}
