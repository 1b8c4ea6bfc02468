import type { Outcome } from './simulate.ts';

/** What many runs have met, added up. */
export interface Summary {
  seeds: number;
  operations: number;
  simulatedMs: number;
  /** Of the seed that had the fewest. */
  fewestOperations: number;
  fewestFaults: number;
  readonly faults: Record<string, number>;
  readonly reached: Record<string, number>;
  /** By checker. */
  readonly violations: Record<string, number>;
}

export function emptySummary(): Summary {
  return {
    seeds: 0,
    operations: 0,
    simulatedMs: 0,
    fewestOperations: Number.MAX_SAFE_INTEGER,
    fewestFaults: Number.MAX_SAFE_INTEGER,
    faults: {},
    reached: {},
    violations: {},
  };
}

export function addOutcome(to: Summary, outcome: Outcome): void {
  const violations: Record<string, number> = {};
  for (const { checker } of outcome.violations) {
    violations[checker] = (violations[checker] ?? 0) + 1;
  }
  addSummary(to, {
    ...outcome,
    seeds: 1,
    fewestOperations: outcome.operations,
    fewestFaults: total(outcome.faults),
    violations,
  });
}

export function addSummary(to: Summary, from: Summary): void {
  to.seeds += from.seeds;
  to.operations += from.operations;
  to.simulatedMs += from.simulatedMs;
  to.fewestOperations = Math.min(to.fewestOperations, from.fewestOperations);
  to.fewestFaults = Math.min(to.fewestFaults, from.fewestFaults);
  for (const field of ['faults', 'reached', 'violations'] as const) {
    for (const [name, count] of Object.entries(from[field])) {
      to[field][name] = (to[field][name] ?? 0) + count;
    }
  }
}

export function violationsOf({ violations }: Summary): number {
  return total(violations);
}

function total(of: Readonly<Record<string, number>>): number {
  return Object.values(of).reduce((sum, count) => sum + count, 0);
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
  const { seeds, operations, simulatedMs, fewestOperations, fewestFaults } = summary;
  const hours = (simulatedMs / 3_600_000).toFixed(1);
  return `${seeds} seeds, ${operations} operations, ${hours} simulated hours, ${violationsOf(summary)} violations
a seed has at least ${fewestOperations} operations and ${fewestFaults} faults
${rows('faults', summary.faults)}
${rows('reached', summary.reached)}
${rows('violations', summary.violations)}
`;
}
