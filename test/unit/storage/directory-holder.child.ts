import { writeSync } from 'node:fs';
import { messageOf } from '../../../src/errors.ts';
import { DataDirectory } from '../../../src/storage/data-directory.ts';

// Takes a data directory and holds it until it is killed; says what became of it.
const [path = ''] = process.argv.slice(2);
try {
  const directory = await DataDirectory.open(path, {
    storage: 'standalone',
    codec: 'raw',
  });
  writeSync(1, `held ${directory.instance}\n`);
  setInterval(() => {}, 60_000);
} catch (error) {
  writeSync(1, `refused ${messageOf(error)}\n`);
}
