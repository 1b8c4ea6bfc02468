import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';

const root = new URL('..', import.meta.url).pathname;

interface Source {
  /** From the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

function sourcesIn(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => {
      const full = join(folder, path);
      return { path: full, text: readFileSync(join(root, full), 'utf8') };
    });
}

const sources = sourcesIn('src');
const tests = sourcesIn('test');

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const IMPORT =
  /^(?:import|export)\s+(type\s)?[^;]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gms;

function importsOf({ path, text }: Source): Import[] {
  return [...text.matchAll(IMPORT)].map((match) => {
    const target = match[2] ?? match[3] ?? match[4] ?? '';
    const to = target.startsWith('.') ? relative(root, join(root, dirname(path), target)) : target;
    return { from: path, to, typeOnly: match[1] !== undefined };
  });
}

const imports = sources.flatMap(importsOf);
const folderOf = (path: string) => /^src\/([^/]+)\//.exec(path)?.[1] ?? '';

/** Which folders a folder may import from, besides the files of src/ that import no folder. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  settings: [],
  codec: [],
  storage: [],
  wal: ['codec', 'storage (types)'],
  cluster: ['codec'],
  table: ['storage (types)'],
  progress: ['wal (types)'],
  peers: ['cluster (types)', 'codec'],
  apply: ['codec', 'progress', 'storage (types)', 'table', 'wal (types)'],
  store: ['codec', 'progress', 'table', 'wal (types)'],
  http: ['store (types)', 'codec'],
  rpc: ['store (types)', 'codec'],
  client: ['cluster', 'codec'],
};

/** Files of src/ that hang folders together; no folder may import them. */
const COMPOSITION = [
  'bind-rocksdb.ts',
  'core.ts',
  'log-engines.ts',
  'main.ts',
  'node.ts',
  'serve.ts',
  'status.ts',
];

/** Where each third-party library may be imported. */
const DOORS: Readonly<Record<string, RegExp>> = {
  'node-rdkafka': /^src\/wal\/kafka\//,
  '@platformatic/kafka': /^src\/wal\/kafka\/kafka-admin/,
  rocksdb: /^src\/storage\//,
  'node-zookeeper-client': /^src\/cluster\/zookeeper-connection\.ts$/,
  express: /^src\/http\//,
  avsc: /^src\/(codec|rpc|client)\//,
  undici: /^src\/peers\//,
  pino: /^src\/logger\.ts$/,
  'pino-pretty': /^src\/logger\.ts$/,
};

/** Folders that run under the simulator: they meet the outside only through ports. */
const CORE = ['apply', 'progress', 'store', 'table'];
const EFFECTS = /\b(Date\.now|performance\.now|Math\.random|setTimeout|setInterval|setImmediate)\b/;

const LINES_MAX = 400;

describe('the tree is tidy', () => {
  it('folders import only what lies below them', () => {
    const wrong: string[] = [];
    for (const { from, to, typeOnly } of imports) {
      const [here, there] = [folderOf(from), folderOf(to)];
      if (here === '') continue;
      if (COMPOSITION.some((file) => to === `src/${file}`)) wrong.push(`${from} → ${to}`);
      if (there === '' || there === here || !to.startsWith('src/')) continue;
      const allowed = MAY_IMPORT[here] ?? [];
      const fine = allowed.includes(there) || (typeOnly && allowed.includes(`${there} (types)`));
      const port =
        /^src\/(storage\/storage|wal\/wal)\.ts$/.test(to) && allowed.includes(`${there} (types)`);
      if (!fine && !port) wrong.push(`${from} → ${to}${typeOnly ? ' (types)' : ''}`);
    }
    assert.deepEqual(wrong, []);
  });

  it('each library has one door', () => {
    const wrong = imports.filter(({ from, to, typeOnly }) => {
      if (to.startsWith('src/') || to.startsWith('node:')) return false;
      const door = DOORS[to];
      return (door === undefined || !door.test(from)) && !typeOnly;
    });
    assert.deepEqual(wrong, []);
  });

  it('the core has no effect on the outside', () => {
    const pure = new Set(['node:buffer', 'node:crypto']);
    const wrong = sources
      .filter(({ path }) => CORE.includes(folderOf(path)) || path === 'src/core.ts')
      .flatMap((source) => [
        ...importsOf(source)
          .filter(({ to }) => to.startsWith('node:') && !pure.has(to))
          .map(({ from, to }) => `${from} → ${to}`),
        ...(EFFECTS.test(source.text) ? [`${source.path}: ${EFFECTS.exec(source.text)?.[0]}`] : []),
      ]);
    assert.deepEqual(wrong, []);
  });

  it('no file is longer than it should be', () => {
    const long = [...sources, ...tests]
      .map(({ path, text }) => ({ path, lines: text.split('\n').length }))
      .filter(({ lines }) => lines > LINES_MAX);
    assert.deepEqual(long, []);
  });

  it('no file is forgotten', () => {
    const used = new Set(imports.map(({ to }) => to));
    const entries = ['src/main.ts', 'src/bind-rocksdb.ts', 'src/client/client.ts'];
    const unused = sources
      .map(({ path }) => path)
      .filter((path) => !used.has(path) && !entries.includes(path) && !path.endsWith('.d.ts'));
    assert.deepEqual(unused, []);
  });

  it('no words that the project does without', () => {
    const banned: readonly (readonly [RegExp, string])[] = [
      [/\bconsole\./, 'a Logger'],
      [/\bprocess\.exit\(/, 'an ExitError; only serve.ts ends the process'],
      [/\b(TODO|FIXME|XXX)\b/, 'an issue'],
      [/\bclass \w*(Manager|Impl|Helper|Util)\b/, 'the noun of what it is'],
    ];
    const code = (text: string) => text.replaceAll(/^\s*(\*|\/\*\*|\/\/).*$/gm, '');
    const wrong = sources.flatMap(({ path, text }) =>
      banned
        .filter(([word]) => word.test(code(text)))
        .filter(([word]) => !(path === 'src/serve.ts' && word.source.includes('exit')))
        .map(([word, instead]) => `${path}: ${word.exec(text)?.[0]} (instead: ${instead})`),
    );
    assert.deepEqual(wrong, []);
  });
});
