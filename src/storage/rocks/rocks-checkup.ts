import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { corrupt, readWhole } from './read-whole.ts';
import { checkLogs, type DamagedLog } from './rocks-logs.ts';
import { type Manifest, readManifest } from './rocks-manifest.ts';
import { readRecords, recordBeginsAfter } from './rocks-record-file.ts';

/**
 * Looks at a database's files before the engine does. The binding opens it with `paranoid_checks` off:
 * the engine then goes on behind a damaged batch as if nothing were missing, and starts without table
 * files that are gone. Only for a directory that no process has open.
 * @returns what was cut off, if anything. @throws StorageError `corrupt`
 */
export async function checkUp(directory: string, damaged: DamagedLog): Promise<string | undefined> {
  const names = await readdir(directory);
  if (!names.includes('CURRENT')) {
    await refuseHeadless(directory, names);
    return undefined;
  }
  const manifest = await manifestIn(directory);
  if (manifest === undefined) return undefined;
  await checkTables(directory, manifest);
  if (damaged === 'refuse' && manifest.tables.size > 0 && !names.some(isLog)) {
    throw corrupt(`${directory}: the write-ahead log is missing`);
  }
  return checkLogs(directory, manifest, damaged);
}

const isLog = (name: string) => name.endsWith('.log');

async function manifestIn(directory: string): Promise<Manifest | undefined> {
  const current = (await readWhole(join(directory, 'CURRENT'))).toString('latin1');
  const [name] = /^MANIFEST-\d+(?=\n$)/.exec(current) ?? [];
  if (name === undefined) throw corrupt(`${directory}: CURRENT names no manifest`);
  const file = await readWhole(join(directory, name));
  const { records, end, goesOn } = readRecords(file);
  // An edit that was being written when the power went is no damage, one before another is.
  if (records.length === 0 || (goesOn && recordBeginsAfter(file, end, () => true))) {
    throw corrupt(`${directory}: ${name} is damaged at byte ${end}`);
  }
  return readManifest(records.map(({ bytes }) => bytes));
}

/** Without its CURRENT file the engine would start an empty database over the data that is there. */
export async function refuseHeadless(directory: string, names: readonly string[]): Promise<void> {
  if (names.includes('CURRENT')) return;
  for (const name of names) {
    const isData = name.endsWith('.sst') || name.endsWith('.log');
    if (isData && (await stat(join(directory, name))).size > 0) {
      throw corrupt(`${directory} holds data but no CURRENT file: it is incomplete`);
    }
  }
}

async function checkTables(directory: string, { tables }: Manifest): Promise<void> {
  for (const [number, bytes] of tables) {
    const name = `${String(number).padStart(6, '0')}.sst`;
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found === undefined) throw corrupt(`${directory}: ${name} is missing`);
    if (!found.isFile() || found.size !== bytes) {
      throw corrupt(`${directory}: ${name} has ${found.size} bytes instead of ${bytes}`);
    }
  }
}
