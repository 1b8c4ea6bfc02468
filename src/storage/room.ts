import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Not a name that the engine would take for one of its own. */
const FILE = 'room.tmp';
const SPARE_BYTES = 8 * 1024 * 1024;
const PIECE = Buffer.alloc(1024 * 1024, 1);

/**
 * Rejects where the disk has no room for an opening of the database: what lies in its write-ahead logs
 * is written once more. Tried by writing, since quotas and reserves are told by nothing else.
 */
export async function requireRoom(directory: string): Promise<void> {
  let left = SPARE_BYTES;
  for (const name of await readdir(directory)) {
    if (name.endsWith('.log')) left += (await stat(join(directory, name))).size;
  }
  const path = join(directory, FILE);
  const file = await open(path, 'w');
  try {
    // Nameless from here on: it takes no room when this process is killed meanwhile.
    await rm(path);
    for (; left > 0; left -= PIECE.length) await file.write(PIECE);
    await file.sync();
  } finally {
    await file.close();
  }
}
