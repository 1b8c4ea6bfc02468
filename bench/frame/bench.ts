import type { Absent } from './absent.ts';
import type { Services } from './services.ts';

/** How much is measured. `smoke`: whether it works at all, in seconds. */
export type Scale = 'smoke' | 'usual' | 'full';

/** Figures of one measurement, by the names of `Bench.figures`; a figure that was not taken is left out. */
export type Measured = Readonly<Record<string, number>>;

export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** Digits behind the point; 0 where not given. */
  readonly digits?: number;
}

/** Something that is measured: ours, or an anchor beside it. */
export interface Subject {
  readonly name: string;
  /** Starts what is needed for its measurements, or says why it cannot be measured here. */
  open(): Promise<Probe | Absent>;
}

export interface Probe {
  /** One round. */
  measure(): Promise<Measured>;
  close(): Promise<void>;
}

/** One setting of the bench (a size, a number of connections): subjects that are measured in alternation. */
export interface BenchCase {
  readonly name: string;
  readonly subjects: readonly Subject[];
  /** Where rounds are so long that fewer must do. */
  readonly roundsMax?: number;
}

export interface SubjectResult {
  readonly name: string;
  /** Why there are no figures. */
  readonly absent?: string;
  readonly rounds: readonly Measured[];
  /** The median of the rounds, figure by figure. */
  readonly median: Measured;
}

export interface CaseResult {
  readonly name: string;
  readonly subjects: readonly SubjectResult[];
}

export interface Goal {
  readonly text: string;
  readonly value: number;
  readonly atMost: number;
}

export interface Bench {
  /** As on the command line. */
  readonly name: string;
  readonly title: string;
  readonly figures: readonly Figure[];
  /** Names of the figures that are drawn, a panel each. */
  readonly charted: readonly string[];
  cases(scale: Scale, services: Services): readonly BenchCase[];
  /** What was aimed at, with what was measured; of cases that were not run nothing. */
  goals(cases: readonly CaseResult[]): readonly Goal[];
}

/** A figure of a subject in a case, undefined where it was not measured. */
export function medianOf(
  cases: readonly CaseResult[],
  at: { readonly case: string; readonly subject: string; readonly figure: string },
): number | undefined {
  const found = cases.find(({ name }) => name === at.case);
  return found?.subjects.find(({ name }) => name === at.subject)?.median[at.figure];
}
