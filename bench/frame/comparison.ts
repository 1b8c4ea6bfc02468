import { row } from './markdown.ts';
import type { BenchResult } from './report.ts';

/** A row of the comparison: one case of a bench. */
interface ComparedCase {
  readonly title: string;
  readonly bench: string;
  readonly case: string;
  /** The subjects' names there, by system. */
  readonly subjects: Readonly<Record<string, string>>;
}

const FIGURE = 'cpu';
const SAME = { Bitacora: 'bitacora', etcd: 'etcd' };

const COMPARED: readonly ComparedCase[] = [
  {
    title: 'GET of 100 B',
    bench: 'http-get',
    case: 'hit 100 B',
    subjects: { ...SAME, 'NATS KV': 'NATS KV', Redis: 'Redis', 'bare `node:http`': 'node:http' },
  },
  {
    title: 'PUT of 100 B, synced to disk, 64 in flight',
    bench: 'http-put',
    case: 'on disk, 64 in flight',
    subjects: {
      ...SAME,
      Redis: 'Redis, appendfsync always',
      'NATS KV': 'NATS KV, not synced',
      'bare `node:http`': 'node:http and fdatasync',
    },
  },
];

const SYSTEMS: readonly string[] = ['Bitacora', 'NATS KV', 'etcd', 'Redis', 'bare `node:http`'];
/** Said behind the figure of a subject. */
const NOTES: Readonly<Record<string, string>> = { 'NATS KV, not synced': ' (not synced)' };

/** The README's table of speed: CPU time of the server, us, beside what people would pick instead. */
export function comparisonMarkdown(results: ReadonlyMap<string, BenchResult>): string {
  const lines = [row(['', ...SYSTEMS]), row(['---', ...SYSTEMS.map(() => '---:')])];
  for (const compared of COMPARED) {
    lines.push(row([compared.title, ...SYSTEMS.map((name) => cell(compared, name, results))]));
  }
  return lines.join('\n');
}

function cell(
  compared: ComparedCase,
  name: string,
  results: ReadonlyMap<string, BenchResult>,
): string {
  const subject = compared.subjects[name];
  const found = results
    .get(compared.bench)
    ?.cases.find((each) => each.name === compared.case)
    ?.subjects.find((each) => each.name === subject);
  if (subject === undefined || found === undefined) {
    throw new Error(`${compared.bench} says nothing of ${name} in ${compared.case}`);
  }
  const value = found.median[FIGURE];
  if (value === undefined) return 'absent';
  return `${value.toFixed(1)} us${NOTES[subject] ?? ''}`;
}
