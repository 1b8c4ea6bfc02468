import type { BenchCase, CaseResult, Measured, Probe, SubjectResult } from './bench.ts';

/** Measures the subjects of a case in turns, so that what disturbs the machine disturbs all of them. */
export async function runCase(
  benchCase: BenchCase,
  rounds: number,
  tell: (line: string) => void,
): Promise<CaseResult> {
  const probes: { name: string; probe: Probe; measured: Measured[] }[] = [];
  const absent: SubjectResult[] = [];
  try {
    for (const subject of benchCase.subjects) {
      const opened = await subject.open();
      if ('absent' in opened) {
        absent.push({ name: subject.name, absent: opened.absent, rounds: [], median: {} });
      } else probes.push({ name: subject.name, probe: opened, measured: [] });
    }
    for (let round = 0; round < rounds; round++) {
      // Another one begins each time: none always comes after the same neighbour.
      for (let i = 0; i < probes.length; i++) {
        const turn = probes[(i + round) % probes.length];
        if (turn === undefined) continue;
        tell(`${benchCase.name}: ${turn.name}, round ${round + 1} of ${rounds}`);
        turn.measured.push(await turn.probe.measure());
      }
    }
  } finally {
    for (const { probe } of probes) await probe.close();
  }
  const measured = probes.map(
    ({ name, measured: each }): SubjectResult => ({ name, rounds: each, median: medians(each) }),
  );
  const order = benchCase.subjects.map(({ name }) => name);
  return {
    name: benchCase.name,
    subjects: [...measured, ...absent].sort(
      (a, b) => order.indexOf(a.name) - order.indexOf(b.name),
    ),
  };
}

export function medians(rounds: readonly Measured[]): Measured {
  const names = new Set(rounds.flatMap((round) => Object.keys(round)));
  return Object.fromEntries(
    [...names].map((name) => [name, median(rounds.flatMap((round) => round[name] ?? []))]),
  );
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
