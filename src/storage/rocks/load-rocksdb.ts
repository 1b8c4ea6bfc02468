import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { EXIT, ExitError } from '../../errors.ts';
import type { OpenNativeDatabase } from './native-rocksdb.ts';
import { isBoundToItself, needsBinding, prebuiltBinding } from './rocksdb-symbols.ts';

/** Loads the binding. @throws ExitError where loading it would kill the process. */
export function loadRocksdb(): OpenNativeDatabase {
  const file = needsBinding() ? prebuiltBinding() : undefined;
  if (file !== undefined && !isBoundToItself(readFileSync(file))) {
    throw new ExitError(
      EXIT.failure,
      `RocksDB's binding cannot be loaded by Node ${process.versions.node} as it was installed: ` +
        'run `npm run prepare` in the folder of this program',
    );
  }
  return createRequire(import.meta.url)('rocksdb') as OpenNativeDatabase;
}
