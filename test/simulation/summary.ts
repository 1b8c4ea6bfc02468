import type { Outcome } from './simulate.ts';

export interface Summary {
  readonly seeds: number;
  readonly operations: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly reached: ReadonlyMap<string, number>;
  readonly violations: number;
}

export function summarise(outcomes: readonly Outcome[]): Summary {
  const faults = new Map<string, number>();
  const reached = new Map<string, number>();
  for (const outcome of outcomes) {
    addAll(faults, outcome.faults);
    addAll(reached, outcome.reached);
  }
  return {
    seeds: outcomes.length,
    operations: outcomes.reduce((sum, { operations }) => sum + operations, 0),
    faults,
    reached,
    violations: outcomes.reduce((sum, { violations }) => sum + violations.length, 0),
  };
}

function addAll(to: Map<string, number>, from: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(from)) to.set(name, (to.get(name) ?? 0) + count);
}

export function summaryText({ seeds, operations, faults, reached, violations }: Summary): string {
  const rows = (title: string, of: ReadonlyMap<string, number>) =>
    [title, ...[...of].map(([name, count]) => `  ${String(count).padStart(10)}  ${name}`)].join(
      '\n',
    );
  return `${seeds} seeds, ${operations} operations, ${violations} violations
${rows('faults', faults)}
${rows('reached', reached)}
`;
}
