import type { Bench, CaseResult, Figure, Goal, Scale } from './bench.ts';
import { type Machine, machineLine } from './machine.ts';

export interface BenchResult {
  readonly bench: string;
  readonly title: string;
  readonly scale: Scale;
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
  readonly cases: readonly CaseResult[];
  readonly goals: readonly (Goal & { readonly met: boolean })[];
}

/** The result as a person reads it. */
export function reportText(result: BenchResult): string {
  const { figures } = result;
  const used = figures.filter(({ name }) =>
    result.cases.some(({ subjects }) => subjects.some(({ median }) => median[name] !== undefined)),
  );
  const lines = [`${result.bench}: ${result.title}`, machineLine(result.machine)];
  for (const { name, subjects } of result.cases) {
    const head = [name, ...used.map(({ name: figure, unit }) => `${figure}, ${unit}`)];
    const rows = subjects.map((subject) =>
      subject.absent === undefined
        ? [subject.name, ...used.map((figure) => formatted(subject.median[figure.name], figure))]
        : [subject.name, `absent: ${subject.absent}`],
    );
    lines.push('', ...table([head, ...rows]));
  }
  if (result.goals.length > 0) lines.push('');
  for (const { text, value, atMost, met } of result.goals) {
    lines.push(
      `${met ? 'met    ' : 'NOT met'} ${text}: ${value.toFixed(2)} (at most ${short(atMost)})`,
    );
  }
  return `${lines.join('\n')}\n`;
}

export function judged(bench: Bench, cases: readonly CaseResult[]): BenchResult['goals'] {
  return bench.goals(cases).map((goal) => ({ ...goal, met: goal.value <= goal.atMost }));
}

/** At most two digits behind the point. */
export function short(value: number): string {
  return String(Number(value.toFixed(2)));
}

export function formatted(value: number | undefined, { digits = 0 }: Figure): string {
  return value === undefined ? '-' : value.toFixed(digits);
}

/** Columns of their widest cell; a row with fewer cells than the head runs on. */
function table(rows: readonly (readonly string[])[]): string[] {
  const full = rows.filter(({ length }) => length === rows[0]?.length);
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...full.map((row) => row[i]?.length ?? 0)));
  const first = Math.max(...rows.map(([name]) => name?.length ?? 0));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(first) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
