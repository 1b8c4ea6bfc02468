import type { Availability } from './availability.ts';
import type { Violation } from './checkers.ts';
import type { Operation } from './history.ts';

/** A fault that struck. Times are monotonic ms. */
export interface Struck {
  readonly name: string;
  readonly target: string;
  readonly from: number;
  readonly healedAt: number;
  /** When all nodes were back; undefined: they were not. */
  readonly recoveredAt: number | undefined;
}

export interface TortureResult {
  readonly seed: number;
  readonly durationMs: number;
  readonly violations: readonly Violation[];
  readonly struck: readonly Struck[];
  /** Events by kind: kills, deletes missed, … */
  readonly counts: ReadonlyMap<string, number>;
  readonly operations: OperationCounts;
  readonly availability: Availability;
  /** What could not be tried here, and why. */
  readonly impossible: readonly string[];
}

/** How many operations there were, by what came of them. */
export class OperationCounts {
  total = 0;
  readonly byOutcome = new Map<string, number>();
  finalReads = 0;
  peerReads = 0;
  behindReads = 0;
  acknowledged = 0;
  records = 0;
  gaps = 0;
  convergences = 0;

  add(operations: readonly Operation[]): void {
    this.total += operations.length;
    for (const { kind, outcome, trust, code } of operations) {
      const refused = outcome === 'no_answer' && code === 'ECONNREFUSED';
      const name = `${kind === 'get' ? 'read' : 'write'} ${refused ? 'refused connection' : outcome}`;
      this.byOutcome.set(name, (this.byOutcome.get(name) ?? 0) + 1);
      if (trust === 'final') this.finalReads++;
      if (trust === 'peer') this.peerReads++;
      if (trust === 'behind') this.behindReads++;
      if (kind !== 'get' && outcome === 'ok') this.acknowledged++;
    }
  }

  get unknown(): number {
    return (
      (this.byOutcome.get('write unknown') ?? 0) + (this.byOutcome.get('write no_answer') ?? 0)
    );
  }
}

/** A page for people. */
export function summaryOf(result: TortureResult): string {
  const { operations, availability, violations, counts } = result;
  const all = availability.share();
  const outcomes = [...operations.byOutcome].sort(([a], [b]) => (a < b ? -1 : 1));
  const wrong = new Map<string, number>();
  for (const { checker } of violations) wrong.set(checker, (wrong.get(checker) ?? 0) + 1);
  const lines = [
    `torture: seed ${result.seed}, ${Math.round(result.durationMs / 1_000)} s`,
    `operations ${operations.total} · writes acknowledged ${operations.acknowledged} · unknown ${operations.unknown} · records witnessed ${operations.records} (gaps ${operations.gaps}) · convergences ${operations.convergences}`,
    `reads final ${operations.finalReads} · peer ${operations.peerReads} · behind ${operations.behindReads}`,
    outcomes.map(([name, count]) => `${name} ${count}`).join(' · '),
    [...counts].map(([name, count]) => `${name} ${count}`).join(' · '),
    `available: reads ${percent(all.reads)}, longest outage ${availability.longestOutage('reads')} s · writes ${percent(all.writes)}, longest outage ${availability.longestOutage('writes')} s`,
    '',
    ...faultTable(result),
    ...result.impossible.map((line) => `not tried here: ${line}`),
    '',
    `wrong values ${violations.length}${[...wrong].map(([name, count]) => ` · ${name} ${count}`).join('')}`,
  ];
  return lines.join('\n');
}

function faultTable({ struck, availability }: TortureResult): string[] {
  const names = new Set(struck.map(({ name }) => name));
  const rows = [...names].map((name) => {
    const each = struck.filter((one) => one.name === name);
    const recovery = each.map(
      ({ recoveredAt, healedAt }) => (recoveredAt ?? Number.NaN) - healedAt,
    );
    const shares = each.map(({ from, recoveredAt, healedAt }) =>
      availability.share(from, recoveredAt ?? healedAt),
    );
    return [
      name,
      String(each.length),
      `${(Math.max(...recovery) / 1_000).toFixed(1)} s`,
      percent(mean(shares.map(({ reads }) => reads))),
      percent(mean(shares.map(({ writes }) => writes))),
    ];
  });
  const header = ['fault', 'times', 'back within', 'reads ok', 'writes ok'];
  const table = [header, ...rows.sort(([a = ''], [b = '']) => (a < b ? -1 : 1))];
  const widths = header.map((_, i) => Math.max(...table.map((row) => (row[i] ?? '').length)));
  return table.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  '),
  );
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
