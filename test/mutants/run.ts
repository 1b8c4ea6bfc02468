/**
 * `npm run mutants` makes each mutant in a copy of the source and runs its checkers: the one that
 * notices is named. `-- --only TEXT` takes those with the text in their name; `-- --write` puts the
 * table into docs/RELIABILITY.md. Ends with 1 when one lives.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Checker, type Mutant, mutate } from './mutant.ts';
import { MUTANTS } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../..');
const CHECK_MS_MAX = 300_000;
const AT_ONCE = 2;
const [BEGIN, END] = ['<!-- mutants: begin -->', '<!-- mutants: end -->'];

interface Verdict {
  readonly mutant: Mutant;
  /** undefined: it lives. */
  readonly killer: string | undefined;
  readonly seconds: number;
}

const { values } = parseArgs({ options: { only: { type: 'string' }, write: { type: 'boolean' } } });
const chosen = MUTANTS.filter(({ name }) => name.includes(values.only ?? ''));
const copies = Array.from({ length: AT_ONCE }, copyOfTheSource);
try {
  process.exitCode = (await soundWithout(chosen)) ? await judgeAll(chosen) : 1;
} finally {
  for (const copy of copies) rmSync(copy, { recursive: true, force: true });
}

async function judgeAll(mutants: readonly Mutant[]): Promise<number> {
  const verdicts: Verdict[] = [];
  const left = [...mutants];
  await Promise.all(
    copies.map(async (copy) => {
      for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
        const verdict = await judge(mutant, copy);
        verdicts.push(verdict);
        const { killer, seconds } = verdict;
        process.stdout.write(`${killer ?? 'LIVES'} ← ${mutant.name} (${seconds} s)\n`);
      }
    }),
  );
  const alive = verdicts.filter(({ killer }) => killer === undefined).length;
  process.stdout.write(`${verdicts.length} mutants, ${alive} alive\n`);
  if (values.write === true)
    write(mutants.map((mutant) => verdicts.find((v) => v.mutant === mutant)));
  return alive === 0 ? 0 : 1;
}

/** A checker that fails without a mutant proves nothing by failing with one. */
async function soundWithout(mutants: readonly Mutant[]): Promise<boolean> {
  const checkers = new Map(mutants.flatMap((each) => each.checkers.map((c) => [c.name, c])));
  const left = [...checkers.values()];
  let sound = true;
  await Promise.all(
    copies.map(async (copy) => {
      for (let checker = left.shift(); checker !== undefined; checker = left.shift()) {
        const ends = await run(checker, copy);
        if (ends === 'well') continue;
        sound = false;
        process.stdout.write(`${checker.name} fails without any mutant\n`);
      }
    }),
  );
  return sound;
}

async function judge(mutant: Mutant, copy: string): Promise<Verdict> {
  const path = join(copy, mutant.file);
  const source = readFileSync(path, 'utf8');
  const from = performance.now();
  let killer: string | undefined;
  writeFileSync(path, mutate(source, mutant));
  for (const checker of mutant.checkers) {
    const ends = await run(checker, copy);
    if (ends === 'well') continue;
    killer = ends === 'never' ? `${checker.name} (never ends)` : checker.name;
    break;
  }
  writeFileSync(path, source);
  return { mutant, killer, seconds: Math.round((performance.now() - from) / 1_000) };
}

/** How a checker ends. */
function run({ args }: Checker, copy: string): Promise<'well' | 'badly' | 'never'> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', ...args], {
      cwd: copy,
      stdio: 'ignore',
      timeout: CHECK_MS_MAX,
      killSignal: 'SIGKILL',
    });
    child.on('exit', (code) => {
      resolve(code === 0 ? 'well' : code === null ? 'never' : 'badly');
    });
  });
}

function copyOfTheSource(): string {
  const copy = mkdtempSync(join(tmpdir(), 'bitacora-mutants-'));
  const listed = ['ls-files', '--cached', '--others', '--exclude-standard', 'src', 'test', 'avro'];
  const files = execFileSync('git', listed, { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
  for (const file of [...files, 'package.json', 'tsconfig.json']) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(ROOT, file), join(copy, file));
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

function write(verdicts: readonly (Verdict | undefined)[]): void {
  const rows = verdicts
    .filter((verdict) => verdict !== undefined)
    .map(
      ({ mutant: { name, harm, file }, killer }) =>
        `| ${name} | ${harm} | \`${file}\` | ${killer ?? '**lives**'} |`,
    );
  const table = [
    '| fault | what a user would lose | in | noticed by |',
    '|---|---|---|---|',
    ...rows,
  ];
  const path = join(ROOT, 'docs/RELIABILITY.md');
  const text = readFileSync(path, 'utf8');
  const [head, rest] = text.split(BEGIN);
  const tail = rest?.split(END)[1];
  if (head === undefined || tail === undefined)
    throw new Error(`${path} has no place for the table`);
  writeFileSync(path, `${head}${BEGIN}\n${table.join('\n')}\n${END}${tail}`);
}
