import { machineLine } from './machine.ts';
import type { BenchResult } from './report.ts';

const WIDTH = 860;
const MARGIN = 20;
const LABEL_WIDTH = 230;
const BAR_HEIGHT = 16;
const LINE = 20;
const VALUE_WIDTH = 70;
const INDENT = 14;
const GAP = 6;
/** From the line that letters stand on to their top. */
const ASCENT = 12;
const STRONG = 'font-weight="bold"';
const WEAK = 'fill="#666"';
const COLOURS = ['#2f6f9f', '#d08c2e', '#7a9a3a', '#a14d6a', '#6b6b6b', '#3d8f86'];

/** Bars in panels, one panel for each charted figure, grouped by case. */
export function chartSvg(result: BenchResult, charted: readonly string[]): string {
  const parts: string[] = [];
  let y = MARGIN;
  const text = (x: number, content: string, style = '') =>
    parts.push(`<text x="${x}" y="${y}" ${style}>${escaped(content)}</text>`);
  /** A line further down. */
  const line = (content: string, style: string) => {
    y += LINE;
    text(MARGIN, content, style);
  };
  line(`${result.bench}: ${result.title}`, STRONG);
  line(machineLine(result.machine), WEAK);

  const names = [...new Set(result.cases.flatMap(({ subjects }) => subjects.map((s) => s.name)))];
  for (const figure of result.figures.filter(({ name }) => charted.includes(name))) {
    const medians = result.cases.map(({ name, subjects }) => ({
      name,
      bars: subjects.flatMap(({ name: subject, median }) => {
        const value = median[figure.name];
        return value === undefined ? [] : [{ subject, value }];
      }),
    }));
    const largest = Math.max(0, ...medians.flatMap(({ bars }) => bars.map(({ value }) => value)));
    if (largest === 0) continue;
    y += LINE;
    line(`${figure.name}, ${figure.unit}`, STRONG);
    const room = WIDTH - LABEL_WIDTH - 2 * MARGIN - VALUE_WIDTH;
    for (const { name, bars } of medians) {
      line(name, WEAK);
      for (const { subject, value } of bars) {
        y += LINE;
        const width = Math.max(1, (room * value) / largest).toFixed(1);
        const colour = COLOURS[names.indexOf(subject) % COLOURS.length];
        text(MARGIN + INDENT, subject);
        parts.push(
          `<rect x="${LABEL_WIDTH}" y="${y - ASCENT}" width="${width}" height="${BAR_HEIGHT}" fill="${colour}"/>`,
        );
        text(LABEL_WIDTH + Number(width) + GAP, value.toFixed(figure.digits ?? 0));
      }
    }
  }
  const height = y + 2 * MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">`,
    '<rect width="100%" height="100%" fill="white"/>',
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
