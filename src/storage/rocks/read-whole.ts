import { readFile } from 'node:fs/promises';
import { messageOf } from '../../errors.ts';
import { StorageError } from '../storage.ts';

/** A file that must be there. What cannot be read is as good as damaged, unless it is only not for us. */
export async function readWhole(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'EIO') {
      throw corrupt(`${path} cannot be read: ${messageOf(error)}`, error);
    }
    throw error;
  }
}

export function corrupt(message: string, cause?: unknown): StorageError {
  return new StorageError(message, cause, 'corrupt');
}
