import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Bench, Measured, Subject } from '../../../bench/frame/bench.ts';
import { chartSvg } from '../../../bench/frame/chart.ts';
import { describeMachine } from '../../../bench/frame/machine.ts';
import { type BenchResult, judged, reportText } from '../../../bench/frame/report.ts';
import { medians, runCase } from '../../../bench/frame/rounds.ts';

const quiet = () => {};

/** A subject whose rounds give these figures, and that notes what happens to it. */
function subject(name: string, rounds: readonly Measured[], happened: string[]): Subject {
  const left = [...rounds];
  return {
    name,
    open: async () => ({
      measure: async () => {
        happened.push(name);
        const measured = left.shift();
        if (measured === undefined) throw new Error('it broke');
        return measured;
      },
      close: async () => void happened.push(`${name} closed`),
    }),
  };
}

const absent: Subject = { name: 'gone', open: async () => ({ absent: 'not here' }) };

describe('the frame of the benches', () => {
  it('measures in turns and takes the medians', async () => {
    const happened: string[] = [];
    const subjects = [
      subject('a', [{ x: 1 }, { x: 9 }, { x: 2 }], happened),
      absent,
      subject('b', [{ x: 4 }, { x: 5 }, { x: 6 }], happened),
    ];
    const result = await runCase({ name: 'case', subjects }, 3, quiet);
    assert.deepEqual(happened, ['a', 'b', 'b', 'a', 'a', 'b', 'a closed', 'b closed']);
    assert.deepEqual(
      result.subjects.map(({ name, median }) => [name, median]),
      [
        ['a', { x: 2 }],
        ['gone', {}],
        ['b', { x: 5 }],
      ],
    );
    assert.equal(result.subjects[1]?.absent, 'not here');
  });

  it('takes the median of an even number, and of the rounds that have the figure', () => {
    assert.deepEqual(medians([{ x: 1, y: 7 }, { x: 4 }]), { x: 2.5, y: 7 });
  });

  it('closes what it opened when a measurement fails', async () => {
    const happened: string[] = [];
    const subjects = [subject('a', [{ x: 1 }], happened), subject('b', [], happened)];
    await assert.rejects(runCase({ name: 'case', subjects }, 1, quiet), /it broke/);
    assert.deepEqual(happened, ['a', 'b', 'a closed', 'b closed']);
  });

  it('reports figures, absences and goals, and draws the charted figures', async () => {
    const subjects = [subject('a<b', [{ time: 1.25, size: 3 }], []), absent];
    const cases = [await runCase({ name: 'some case', subjects }, 1, quiet)];
    const bench: Bench = {
      name: 'sample',
      title: 'a sample',
      figures: [
        { name: 'time', unit: 'us', digits: 1 },
        { name: 'size', unit: 'B' },
        { name: 'never taken', unit: 'B' },
      ],
      charted: ['time'],
      cases: () => [],
      goals: () => [
        { text: 'fast', value: 1.25, atMost: 1 },
        { text: 'small', value: 3, atMost: 3 },
      ],
    };
    const result: BenchResult = {
      bench: bench.name,
      title: bench.title,
      scale: 'smoke',
      startedAt: '',
      seconds: 0,
      machine: describeMachine(),
      figures: bench.figures,
      cases,
      goals: judged(bench, cases),
    };
    const report = reportText(result);
    assert.match(report, /^some case +time, us +size, B$/m);
    assert.match(report, /^a<b +1\.3 +3$/m);
    assert.match(report, /^gone +absent: not here$/m);
    assert.match(report, /^NOT met fast: 1\.25 \(at most 1\)$/m);
    assert.match(report, /^met +small: 3\.00 \(at most 3\)$/m);
    const svg = chartSvg(result, bench.charted);
    assert.equal(svg.match(/<rect x=/g)?.length, 1);
    assert.ok(svg.includes('a&lt;b') && !svg.includes('a<b'));
  });
});
