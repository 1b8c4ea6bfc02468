import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RocksStorage } from './rocks/rocks-storage.ts';
import { type Storage, StorageError } from './storage.ts';

/** It holds no data. */
const SIZES = { writeBufferBytes: 64 * 1024, cacheBytes: 64 * 1024 };
/** The file that the kernel's lock is on. It stays: two processes would else hold two of that name. */
const LOCKED_FILE = 'LOCK';

/**
 * Locks a folder by an empty RocksDB in it: the lock is the kernel's, so it dies with the process, and
 * is refused to a second handle in this process too. One that is damaged is made anew, since it holds
 * nothing. Rejects with StorageError, `locked` when it is held.
 */
export async function lockDirectory(path: string): Promise<Storage> {
  try {
    return await RocksStorage.open(path, SIZES);
  } catch (error) {
    if (!(error instanceof StorageError) || error.kind !== 'corrupt') throw error;
    for (const name of await readdir(path)) {
      if (name !== LOCKED_FILE) await rm(join(path, name), { recursive: true, force: true });
    }
    return RocksStorage.open(path, SIZES);
  }
}
