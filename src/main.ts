#!/usr/bin/env node
import { EXIT } from './errors.ts';
import { helpText, serveHelpText } from './settings/help.ts';
import { programVersion } from './version.ts';

// Each consume call and each flush of the Kafka client holds a thread of this pool, and so does
// each RocksDB call: with the default of 4 they starve one another. Read at the pool's first use.
process.env['UV_THREADPOOL_SIZE'] ??= '16';

const [command, ...args] = process.argv.slice(2);

if (command === '--help' || command === '-h' || command === 'help') {
  process.stdout.write(helpText());
} else if (command === '--version' || command === '-v') {
  process.stdout.write(`${programVersion()}\n`);
} else if (command === 'serve' && args.some((each) => each === '--help' || each === '-h')) {
  process.stdout.write(serveHelpText());
} else if (command === 'serve') {
  const { serve } = await import('./serve.ts');
  await serve(args);
} else {
  const what = command === undefined ? 'no command' : `unknown command ${JSON.stringify(command)}`;
  process.stderr.write(`bitacora: ${what}\n\n${helpText()}`);
  process.exitCode = EXIT.refused;
}
