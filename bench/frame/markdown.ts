import { machineLine } from './machine.ts';
import { type BenchResult, formatted, short } from './report.ts';

/** The result as docs/PERFORMANCE.md shows it: a table for each case, the goals, how it was taken. */
export function resultMarkdown(result: BenchResult): string {
  const { bench, scale, cases, goals, machine, startedAt, seconds } = result;
  const flag = scale === 'full' ? ' --full' : '';
  const lines = [
    `\`npm run bench -- ${bench}${flag}\`, ${startedAt.slice(0, 10)}, ${Math.round(seconds / 60)} min, on ${machineLine(machine)}.`,
  ];
  for (const { name, subjects } of cases) {
    const figures = result.figures.filter((figure) =>
      subjects.some(({ median }) => median[figure.name] !== undefined),
    );
    lines.push(
      '',
      row([name, ...figures.map((figure) => `${figure.name}, ${figure.unit}`)]),
      row(['---', ...figures.map(() => '---:')]),
    );
    for (const { name: subject, absent, median } of subjects) {
      const cells = figures.map((figure) => formatted(median[figure.name], figure));
      lines.push(row([subject, ...(absent === undefined ? cells : [`absent: ${absent}`])]));
    }
  }
  if (goals.length > 0) {
    lines.push('', row(['goal', 'measured', 'at most', '']), row(['---', '---:', '---:', '---']));
  }
  for (const { text, value, atMost, met } of goals) {
    lines.push(row([text, value.toFixed(2), short(atMost), met ? 'met' : '**not met**']));
  }
  lines.push('', `![${result.title}](../bench/results/${bench}.svg)`);
  return lines.join('\n');
}

/** A row of a table. */
export function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
