import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../../src/errors.ts';
import type { Absent } from '../frame/absent.ts';

const run = promisify(execFile);

const CACHE = new URL('../../node_modules/.cache/bitacora-bench/', import.meta.url).pathname;
const FETCH_MS_MAX = 180_000;
const PROGRAMS = ['usr/bin', 'usr/sbin'];
const LIBRARIES = ['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu', 'usr/lib'];

export interface InstalledProgram {
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * A program of a Debian package: the one on the PATH, else unpacked into a cache folder with what it
 * needs, the system left as it was.
 */
export async function debianProgram(
  name: string,
  packageName: string,
): Promise<InstalledProgram | Absent> {
  const given = onPath(name);
  if (given !== undefined) return { command: given, env: process.env };
  const folder = join(CACHE, packageName);
  try {
    if (!existsSync(folder)) await unpack(packageName, folder);
  } catch (error) {
    const [reason] = messageOf(error).trim().split('\n').slice(-1);
    return { absent: `${packageName} is not installed and could not be fetched: ${reason}` };
  }
  const libraries = LIBRARIES.map((path) => join(folder, path)).join(delimiter);
  return {
    command: PROGRAMS.map((path) => join(folder, path, name)).find(existsSync) ?? name,
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
  };
}

async function unpack(packageName: string, folder: string): Promise<void> {
  const making = `${folder}.${process.pid}.tmp`;
  await mkdir(join(making, 'partial'), { recursive: true });
  try {
    const into = ['-o', `Dir::Cache::archives=${making}/`, '-o', 'Debug::NoLocking=1'];
    const what = ['install', '--yes', '--download-only', '--no-install-recommends', packageName];
    await run('apt-get', [...into, ...what], { timeout: FETCH_MS_MAX });
    const archives = (await readdir(making)).filter((file) => file.endsWith('.deb'));
    for (const file of archives) await run('dpkg', ['-x', join(making, file), making]);
    await rename(making, folder);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    throw error;
  }
}

function onPath(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
