import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { BENCHES } from '../../../bench/benches.ts';
import { comparisonMarkdown } from '../../../bench/frame/comparison.ts';
import { resultMarkdown } from '../../../bench/frame/markdown.ts';
import type { BenchResult } from '../../../bench/frame/report.ts';
import { README, WRITES_DOCUMENTS } from '../../helpers/readme.ts';

const PLACE = /(<!-- bench: ([\w-]+) -->\n)([\s\S]*?)(<!-- \/bench -->)/g;
const COMPARISON = /(<!-- speed -->\n)([\s\S]*?)(<!-- \/speed -->)/;

const root = new URL('../../../', import.meta.url);
const DOCUMENT = new URL('docs/PERFORMANCE.md', root);
const RESULTS = new URL('bench/results/', root);

const results = new Map(
  BENCHES.map(({ name }) => {
    const text = readFileSync(new URL(`${name}.json`, RESULTS), 'utf8');
    return [name, JSON.parse(text) as BenchResult];
  }),
);

function figuresOf(bench: string): string {
  const result = results.get(bench);
  return result === undefined ? '' : `${resultMarkdown(result)}\n`;
}

function comparison(): string {
  return `${comparisonMarkdown(results)}\n`;
}

if (WRITES_DOCUMENTS) {
  const text = readFileSync(DOCUMENT, 'utf8');
  const written = text.replace(
    PLACE,
    (_, head, bench, __, tail) => `${head}${figuresOf(bench)}${tail}`,
  );
  writeFileSync(DOCUMENT, written);
  const readme = readFileSync(README, 'utf8');
  const table = comparison();
  writeFileSync(
    README,
    readme.replace(COMPARISON, (_, head, __, tail) => `${head}${table}${tail}`),
  );
}

describe('the document of figures', () => {
  const places = [...readFileSync(DOCUMENT, 'utf8').matchAll(PLACE)];

  it('has a place for each bench', () => {
    const shown = places.map(([, , bench = '']) => bench).sort();
    assert.deepEqual(shown, BENCHES.map(({ name }) => name).sort());
  });

  it('shows what was measured, and nothing else', () => {
    for (const [, , bench = '', shown] of places) assert.equal(shown, figuresOf(bench), bench);
  });

  it('has a chart for each result', () => {
    for (const { name } of BENCHES) assert.ok(existsSync(new URL(`${name}.svg`, RESULTS)), name);
  });

  it('comes from full runs', () => {
    for (const { bench, scale } of results.values()) assert.equal(scale, 'full', bench);
  });

  it('gives the README its comparison', () => {
    const shown = COMPARISON.exec(readFileSync(README, 'utf8'))?.[2];
    assert.equal(shown, comparison());
  });
});
