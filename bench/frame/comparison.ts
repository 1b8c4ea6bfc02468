import type { BenchResult } from './report.ts';

/** A column of the comparison: a figure of one case of a bench. */
interface Column {
  readonly title: string;
  readonly bench: string;
  readonly case: string;
  /** The subject's name there, by row. */
  readonly subjects: Readonly<Record<string, string>>;
}

const FIGURE = 'cpu';
const SAME = { Bitacora: 'bitacora', etcd: 'etcd' };

const COLUMNS: readonly Column[] = [
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

const ROWS: readonly string[] = ['Bitacora', 'NATS KV', 'etcd', 'Redis', 'bare `node:http`'];
/** Said behind the figure of a column. */
const NOTES: Readonly<Record<string, string>> = { 'NATS KV, not synced': ' (not synced)' };

/** The README's table of speed: CPU time of the server, us, beside what people would pick instead. */
export function comparisonMarkdown(results: ReadonlyMap<string, BenchResult>): string {
  const lines = [row(['', ...COLUMNS.map(({ title }) => title)])];
  lines.push(row(['---', ...COLUMNS.map(() => '---:')]));
  for (const name of ROWS) {
    lines.push(row([name, ...COLUMNS.map((column) => cell(column, name, results))]));
  }
  return lines.join('\n');
}

function cell(column: Column, name: string, results: ReadonlyMap<string, BenchResult>): string {
  const subject = column.subjects[name];
  const found = results
    .get(column.bench)
    ?.cases.find((each) => each.name === column.case)
    ?.subjects.find((each) => each.name === subject);
  const value = found?.median[FIGURE];
  if (subject === undefined || value === undefined) return '-';
  return `${value.toFixed(1)} us${NOTES[subject] ?? ''}`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
