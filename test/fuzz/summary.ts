import type { FuzzReport } from './fuzz.ts';
import type { Tally } from './tally.ts';

const NAME_WIDTH = 34;

/** Everything that was broken. */
export function violationsOf({ http, avro, violations }: FuzzReport): string[] {
  return [...violations, ...http.examples, ...avro.examples];
}

export function summaryText(report: FuzzReport): string {
  const { http, avro, memory, goodClient } = report;
  const broken = violationsOf(report);
  return [
    `Fuzz of both doors of one node over TCP, seed ${report.seed}, ${report.seconds.toFixed(0)} s`,
    ...doorLines('HTTP', 'requests', http),
    ...doorLines('Avro', 'frames', avro),
    '',
    'The node and a good client beside it',
    row('memory before, most, after (MiB)', `${memory.before}, ${memory.most}, ${memory.after}`),
    row('rounds of the good client', goodClient?.rounds ?? 0),
    row('its slowest call, HTTP (ms)', goodClient?.worstHttpMs ?? 'not served'),
    row('its slowest call, Avro (ms)', goodClient?.worstAvroMs ?? 'not served'),
    row('its faults', goodClient?.faults.length ?? 'not served'),
    '',
    row('VIOLATIONS', http.violations + avro.violations + report.violations.length),
    ...broken.map((text) => `  ${text}`),
    '',
  ].join('\n');
}

function doorLines(door: string, unit: string, tally: Tally): string[] {
  const { sent, mutated, passed } = tally;
  return [
    '',
    door,
    row(`${unit} sent`, sent),
    row('  on connections', tally.connections),
    row('  bytes', tally.bytes),
    row('  of mutated valid conversations', share(mutated, sent)),
    row('  whose client was served', share(passed, sent)),
    ...counts('made as', tally.kinds),
    row('connections without an answer', tally.unanswered),
    ...counts('connections that were', tally.ends),
    row('answers', sum(tally.answers)),
    ...counts('answers:', tally.answers),
  ];
}

function counts(title: string, of: ReadonlyMap<string, number>): string[] {
  const sorted = [...of].sort(([, a], [, b]) => b - a);
  return sorted.map(([name, count]) => row(`  ${title} ${name}`, count));
}

function share(part: number, whole: number): string {
  const percent = whole === 0 ? 0 : (100 * part) / whole;
  return `${part.toLocaleString('en')} (${percent.toFixed(1)} %)`;
}

function sum(of: ReadonlyMap<string, number>): number {
  return [...of.values()].reduce((total, count) => total + count, 0);
}

function row(name: string, value: number | string): string {
  const text = typeof value === 'number' ? value.toLocaleString('en') : value;
  return `${name.padEnd(NAME_WIDTH)} ${text}`;
}
