import type { Outcome } from './simulate.ts';

/** What many runs have met, added up. */
export interface Summary {
  seeds: number;
  operations: number;
  simulatedMs: number;
  readonly faults: Record<string, number>;
  readonly reached: Record<string, number>;
  /** By checker. */
  readonly violations: Record<string, number>;
}

export function emptySummary(): Summary {
  return { seeds: 0, operations: 0, simulatedMs: 0, faults: {}, reached: {}, violations: {} };
}

export function addOutcome(to: Summary, outcome: Outcome): void {
  const violations: Record<string, number> = {};
  for (const { checker } of outcome.violations) {
    violations[checker] = (violations[checker] ?? 0) + 1;
  }
  addSummary(to, { ...outcome, seeds: 1, violations });
}

export function addSummary(to: Summary, from: Summary): void {
  to.seeds += from.seeds;
  to.operations += from.operations;
  to.simulatedMs += from.simulatedMs;
  for (const field of ['faults', 'reached', 'violations'] as const) {
    for (const [name, count] of Object.entries(from[field])) {
      to[field][name] = (to[field][name] ?? 0) + count;
    }
  }
}

export function violationsOf({ violations }: Summary): number {
  return Object.values(violations).reduce((sum, count) => sum + count, 0);
}

/** Names of a kind that were never met. */
export function missing(of: Readonly<Record<string, number>>, names: readonly string[]): string[] {
  return names.filter((name) => (of[name] ?? 0) === 0);
}

export function summaryText(summary: Summary): string {
  const rows = (title: string, of: Readonly<Record<string, number>>) =>
    [title, ...Object.entries(of).map(([name, n]) => `  ${String(n).padStart(10)}  ${name}`)].join(
      '\n',
    );
  const { seeds, operations, simulatedMs } = summary;
  const hours = (simulatedMs / 3_600_000).toFixed(1);
  return `${seeds} seeds, ${operations} operations, ${hours} simulated hours, ${violationsOf(summary)} violations
${rows('faults', summary.faults)}
${rows('reached', summary.reached)}
${rows('violations', summary.violations)}
`;
}
