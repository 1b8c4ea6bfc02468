/**
 * Runs all tests, or those whose path contains one of the arguments: builds and checks first, starts one Kafka
 * and one ZooKeeper for all of them, runs each file in a process of its own.
 * The last line is `N passed, N failed` (`, N skipped`); in CI a skipped test is a failure.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const FILE_TIMEOUT_MS = 15 * 60_000;
const root = new URL('..', import.meta.url).pathname;

function testFiles(filters: readonly string[]): string[] {
  const all = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => join('test', path));
  const order = ['test/unit/', 'test/integration/', 'test/system/'];
  const rank = (path: string) => order.findIndex((folder) => path.startsWith(folder));
  return all
    .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map((path) => join(root, path));
}

const counts = { passed: 0, failed: 0, skipped: 0 };

async function runFiles(files: readonly string[], concurrency: number): Promise<void> {
  const stream = run({ files: [...files], concurrency, timeout: FILE_TIMEOUT_MS });
  const isTest = (details: { type?: string | undefined } | undefined) => details?.type !== 'suite';
  stream.on('test:pass', ({ details, skip, todo }) => {
    if (!isTest(details)) return;
    if (skip !== undefined || todo !== undefined) counts.skipped++;
    else counts.passed++;
  });
  stream.on('test:fail', ({ details }) => {
    // A suite fails by its tests, which are counted, or by what it sets up and takes down.
    const { failureType } = details.error as { failureType?: string };
    if (isTest(details) || failureType !== 'subtestsFailed') counts.failed++;
  });
  const report = stream.compose(new spec());
  for await (const text of report) process.stdout.write(text as string);
}

function build(): void {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(1);
}

build();
const files = testFiles(process.argv.slice(2));
const needServices = files.some((path) => !path.includes('/test/unit/'));
const { startShared } = await import('./services/shared.ts');
const services = needServices ? await startShared() : undefined;
try {
  await runFiles(files, 2);
} finally {
  await services?.stop();
}

const { passed, failed, skipped } = counts;
const skippedFail = process.env['CI'] === 'true' && skipped > 0;
if (skippedFail) process.stdout.write('A test was skipped, which is a failure in CI\n');
process.exitCode = failed > 0 || passed === 0 || skippedFail ? 1 : 0;
process.stdout.write(
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
);
